#!/bin/bash
# librecs.so as a guest, read from the file itself: what it loads, what it
# exports, what it takes from its process and what it keeps.
set -eu
cd "$(dirname "$0")/.."
build=${RECS_BUILD:?the build folder}
command -v objdump >/dev/null || { echo "no binutils"; exit 77; }
bad=0
offence() { echo "$*"; bad=1; }

# needs LIBRARY PATTERN: every library it loads matches
needs() {
    while read -r name; do
        [[ $name =~ ^($2)$ ]] || offence "$1 loads $name"
    done < <(readelf -dW "$build/$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
}
# exports LIBRARY NODE: recs_... at that version, nothing else
exports() {
    local count=0 name
    while read -r name; do
        [[ $name == "$2@@$2" || $name == "$2" ]] && continue
        [[ $name =~ ^recs_[a-z0-9_]+@@$2$ && $name != recs__* ]] || offence "$1 exports $name"
        count=$((count + 1))
    done < <(nm -D --defined-only --with-symbol-versions "$build/$1" | awk '{print $3}')
    [ $count -gt 0 ] || offence "$1 exports nothing"
}
# soname LIBRARY
soname() {
    readelf -dW "$build/$1" | grep -q "SONAME.*\[$1\]" || offence "$1 has no such soname"
}
# imports LIBRARY: the names it takes from others
imports() {
    nm -D --undefined-only "$build/$1" | awk '{print $NF}' | sed 's/@.*//'
}
# writable LIBRARY: named objects in writable sections, "size name". What the
# compiler's own startup files bring is left out.
writable() {
    objdump -t "$build/$1" | awk -F'\t' '$1 ~ / [.](data|bss)$/ {print $2}' |
        awk '$1 !~ /^0*$/ {print $1, $NF}' |
        grep -v -E ' (completed\.[0-9]+|__dso_handle|__TMC_END__)$' || true
}

libc='libc\.so\.6|libm\.so\.6|libpthread\.so\.0|ld-linux[-a-z0-9_]*\.so\.[0-9]|libgcc_s\.so\.1'
needs librecs.so.0 "$libc|libzstd\.so\.1"
exports librecs.so.0 RECS_0
soname librecs.so.0

# A quiet guest: no environment, no signals, no printing, no end of the process,
# no locale, no BLAS, no OpenMP. (dlopen is src/base/backend.c's, for a set whose
# description asks for an approximate index.)
forbidden='getenv|secure_getenv|setenv|putenv|environ|signal|sigaction|sigprocmask|raise|kill
exit|_exit|_Exit|abort|quick_exit|atexit|__assert_fail
printf|fprintf|dprintf|puts|putchar|fputs|fputc|putc|perror|psignal|syslog|stdout|stderr|stdin
__printf_chk|__fprintf_chk|__vfprintf_chk|vprintf|vfprintf|vdprintf
setlocale|uselocale|strtok|rand|srand|random|localtime|gmtime|strerror
system|popen|fork|vfork|execve|omp_.*|GOMP_.*|cblas_.*|openblas_.*'
forbidden=${forbidden//$'\n'/|}
while read -r name; do
    [[ $name =~ ^($forbidden)$ ]] && offence "librecs.so.0 uses $name"
done < <(imports librecs.so.0)

# No thread-local state; nothing writable but the pointer to the chosen kernels.
readelf -lW "$build/librecs.so.0" | grep -q ' TLS ' && offence "librecs.so.0 has thread-local state"
readelf -lW "$build/librecs.so.0" | grep -E 'GNU_STACK.*E' && offence "librecs.so.0 wants an executable stack"
while read -r size name; do
    [[ $name =~ ^chosen$ && $((16#$size)) -le 8 ]] ||
        offence "librecs.so.0 keeps $((16#$size)) writable bytes: $name"
done < <(writable librecs.so.0)

if [ -f "$build/librecs-train.so.0" ]; then
    needs librecs-train.so.0 "$libc|libzstd\.so\.1|libz\.so\.1|libopenblas\.so\.0|libgfortran\.so\.5|librecs\.so\.0"
    exports librecs-train.so.0 RECS_TRAIN_0
    soname librecs-train.so.0
    # Of its own objects: what OpenBLAS does is its own affair (docs/embedding.md).
    while read -r name; do
        [[ $name =~ ^(getenv|signal|sigaction|exit|_exit|abort|printf|puts|fprintf|stderr|stdout|setlocale|pthread_create|strtok|rand)$ ]] &&
            offence "librecs-train.so.0 uses $name"
    done < <(nm --undefined-only "$build"/obj/lib/train/*.o | awk '{print $NF}')
    readelf -lW "$build/librecs-train.so.0" | grep -q ' TLS ' && offence "librecs-train.so.0 has thread-local state"
fi

# FAISS comes in when the library is used, by dlopen, not by linking.
if [ -f "$build/librecs-faiss.so.0" ]; then
    needs librecs-faiss.so.0 "$libc|libdl\.so\.2"
    exports librecs-faiss.so.0 RECS_FAISS_0
    soname librecs-faiss.so.0
    while read -r name; do
        [[ $name =~ ^(getenv|signal|sigaction|exit|_exit|abort|printf|puts|fprintf|stderr|stdout|setlocale|pthread_create|strtok|rand)$ ]] &&
            offence "librecs-faiss.so.0 uses $name"
    done < <(imports librecs-faiss.so.0)
    readelf -lW "$build/librecs-faiss.so.0" | grep -q ' TLS ' && offence "librecs-faiss.so.0 has thread-local state"
fi

# Every function that the public headers declare is exported, and no other.
declared=$(cat include/recs/*.h | tr '\n' ' ' | grep -oE 'RECS_API [^;{]*\(' | grep -oE 'recs_[a-z0-9_]+ *\(' |
    tr -d ' (' | sort -u)
exported=$(for library in "$build"/librecs.so.0 "$build"/librecs-train.so.0 "$build"/librecs-faiss.so.0; do
    [ ! -f "$library" ] || nm -D --defined-only "$library"
done | awk '$2 != "A" {print $3}' | sed 's/@.*//' | sort -u)
difference=$(diff <(echo "$declared") <(echo "$exported")) || offence "declared (<) and exported (>) differ:
$difference"
exit $bad
