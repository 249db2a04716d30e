/* test.h - cmocka with the headers it wants included before it. */
#ifndef SUPPORT_TEST_H
#define SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* 1 under AddressSanitizer or ThreadSanitizer, where the longest loops take larger steps. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_INSTRUMENTED 1
#else
#define TEST_INSTRUMENTED 0
#endif

#endif
