/* A lock around a serial OpenBLAS's list of working buffers, linked into the
 * FAISS that build-faiss makes.
 *
 * Every call of OpenBLAS takes a buffer from a list. A serial build guards the
 * list by no lock, so two threads may get one buffer, and a full list (50 in
 * the smallest builds) ends the process. Searches of ours run on as many
 * threads as the host lends, and some of FAISS's multiply matrices. The linker
 * puts these two in place of OpenBLAS's own (--wrap): a call waits while
 * AT_ONCE others compute. A thread that already has a buffer never waits. */
#include <pthread.h>

enum { AT_ONCE = 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER;
static int threads; /* that hold a buffer */
static __thread int held;

extern void *__real_blas_memory_alloc(int position);
extern void __real_blas_memory_free(void *buffer);
void *__wrap_blas_memory_alloc(int position);
void __wrap_blas_memory_free(void *buffer);

void *__wrap_blas_memory_alloc(int position) {
    pthread_mutex_lock(&lock);
    if (held++ == 0) {
        while (threads >= AT_ONCE)
            pthread_cond_wait(&freed, &lock);
        threads++;
    }
    void *buffer = __real_blas_memory_alloc(position);
    pthread_mutex_unlock(&lock);
    return buffer;
}

void __wrap_blas_memory_free(void *buffer) {
    pthread_mutex_lock(&lock);
    __real_blas_memory_free(buffer);
    if (--held == 0) {
        threads--;
        pthread_cond_signal(&freed);
    }
    pthread_mutex_unlock(&lock);
}
