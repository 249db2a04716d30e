#!/bin/sh
# Installs into an empty folder, compiles small programs against what is there
# with pkg-config, shared and static, runs them, uninstalls, and looks for
# what is left.
set -eu
cd "$(dirname "$0")/.."
build=${RECS_BUILD:?the build folder}
cc=${CC:-cc}
command -v pkg-config >/dev/null || { echo "no pkg-config"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stage=$work/stage
prefix=/opt/recs

install_make() { # target
    MAKEFLAGS='' make -s "$1" BUILD="$build" CC="$cc" DESTDIR="$stage" PREFIX=$prefix \
        LIBDIR=$prefix/lib/here >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}
install_make install

root=$stage$prefix
lib=$root/lib/here
for file in "$root/include/recs.h" "$root/include/recs/base.h" "$lib/librecs.so" "$lib/librecs.so.0" \
    "$lib/librecs.a" "$lib/pkgconfig/recs.pc"; do
    [ -f "$file" ] || { echo "not installed: $file"; exit 1; }
done
version=$(sed -n 's/^Version: //p' "$lib/pkgconfig/recs.pc")
if [ ! -f "$lib/librecs.so.$version" ] || [ -L "$lib/librecs.so.$version" ]; then
    echo "librecs.so.$version is not the real file"
    exit 1
fi
if grep -rl "$stage" "$lib/pkgconfig"; then
    echo "a .pc file names the staging folder"
    exit 1
fi

# The .pc files say where things will be; the sysroot, where they are now.
export PKG_CONFIG_LIBDIR="$lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$stage"
cat >"$work/serve.c" <<'END'
#include <recs.h>
#include <string.h>

int main(void)
{
    recs_error error = {0};
    recs_model *model = NULL;
    if (recs_model_open(&model, "/does/not/exist.recs", NULL, NULL, &error) != RECS_ERR_NOT_FOUND)
        return 1;
    return strcmp(recs_version_text(), VERSION) != 0 || error.text[0] == 0;
}
END
cat >"$work/train.c" <<'END'
#include <recs.h>
#include <recs/train.h>

int main(void)
{
    recs_dataset *dataset = NULL;
    recs_error error = {0};
    if (recs_dataset_create(&dataset, NULL, &error) != RECS_OK)
        return 1;
    recs_dataset_destroy(dataset);
    return recs_description_check("als(factors=0)", NULL, NULL, &error) != RECS_ERR_ARGUMENT;
}
END

# compile PROGRAM HOW OPTIONS...
compile() {
    program=$1 how=$2
    shift 2
    "$cc" -std=c99 -Wall -Werror -DVERSION="\"$version\"" "$work/$program.c" "$@" \
        -o "$work/$program-$how" || { echo "$program does not link ($how)"; exit 1; }
    LD_LIBRARY_PATH=$lib "$work/$program-$how" || { echo "$program fails ($how)"; exit 1; }
}
# shellcheck disable=SC2046  # lists of options, all through
compile serve shared $(pkg-config --cflags --libs recs)
# shellcheck disable=SC2046
compile serve static -static $(pkg-config --cflags --libs --static recs)
if [ -f "$lib/pkgconfig/recs-train.pc" ]; then
    # shellcheck disable=SC2046
    compile train shared $(pkg-config --cflags --libs recs-train recs)
    # shellcheck disable=SC2046
    compile train archives $(pkg-config --cflags recs-train) -L"$lib" -l:librecs-train.a -l:librecs.a \
        $(pkg-config --libs --static recs-train | tr ' ' '\n' | grep -v -e '^-lrecs' -e "^-L$stage")
    if LD_LIBRARY_PATH='' ldd "$work/train-archives" | grep librecs; then
        echo "the static program loads librecs"
        exit 1
    fi
fi
cat >"$work/faiss.c" <<'END'
#include <recs/faiss.h>

int main(void)
{
    recs_error error = {0};
    recs_status status = recs_faiss_check(&error);
    if (status != RECS_OK && (status != RECS_ERR_UNSUPPORTED || error.text[0] == 0))
        return 1;
    return recs_faiss_backend() == 0 || recs_faiss_version()[0] == 0;
}
END
# shellcheck disable=SC2046
compile faiss shared $(pkg-config --cflags --libs recs-faiss)
# shellcheck disable=SC2046
compile faiss archives $(pkg-config --cflags recs-faiss) -L"$lib" -l:librecs-faiss.a -lpthread
for file in man/man1/recs.1 bash-completion/completions/recs; do
    [ -f "$root/share/$file" ] || { echo "not installed: share/$file"; exit 1; }
done
if [ -x "$root/bin/recs" ]; then
    LD_LIBRARY_PATH=$lib "$root/bin/recs" --help >/dev/null || { echo "the installed tool does not run"; exit 1; }
fi

# What somebody else put there stays; what we put there goes.
echo "not ours" >"$lib/other.txt"
install_make uninstall
left=$(cd "$stage" && find . ! -type d | sort)
[ "$left" = ".$prefix/lib/here/other.txt" ] || { echo "after uninstall: $left"; exit 1; }
[ ! -d "$root/include/recs" ] || { echo "include/recs is left"; exit 1; }
