/* The few symbols of Android's C library that glibc lacks, so that the x86-64 library of an Android
 * package runs on a Linux desktop: tests/native/android_runtime.py builds it under the name
 * libc.so. All else, from pthreads to stat, has the same layout on both for what TensorFlow Lite
 * does. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { kFile = 152, kStandardError = 2 }; /* bionic's FILE, of which __sF holds three */

extern char __sF[];
_Alignas(16) char __sF[kStandardError * kFile + sizeof(FILE) + sizeof(void *)];

/* Unbuffered, and so nothing but its numbers: a copy writes to the same place. */
__attribute__((constructor)) static void copy_standard_error(void) {
  memcpy(__sF + kStandardError * kFile, stderr, sizeof(FILE) + sizeof(void *));
}

int *__errno(void);
int *__errno(void) {
  return &errno;
}

int __system_property_get(const char *name, char *value);
int __system_property_get(const char *name, char *value) {
  (void)name;
  value[0] = '\0';
  return 0;
}

void android_set_abort_message(const char *message);
void android_set_abort_message(const char *message) {
  fprintf(stderr, "%s\n", message);
}

size_t __strlen_chk(const char *text, size_t size);
size_t __strlen_chk(const char *text, size_t size) {
  (void)size;
  return strlen(text);
}

int __android_log_vprint(int priority, const char *tag, const char *format, va_list arguments);
int __android_log_vprint(int priority, const char *tag, const char *format, va_list arguments) {
  fprintf(stderr, "%d %s: ", priority, tag);
  const int written = vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  return written;
}
