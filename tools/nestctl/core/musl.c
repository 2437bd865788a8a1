/* SPDX-License-Identifier: MIT */
/*
 * musl.c: functions of glibc that its libcrypt calls and musl lacks, for the nestctl that is linked
 * with musl. Debian compiles libcrypt with _FORTIFY_SOURCE: @room is the size of the buffer, as far
 * as the compiler knew it.
 */
#include <features.h>
#ifndef __GLIBC__
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void arc4random_buf(void *buf, size_t n);
void __explicit_bzero_chk(void *p, size_t n, size_t room);
int __snprintf_chk(char *s, size_t n, int flag, size_t room, const char *format, ...);

void __explicit_bzero_chk(void *p, size_t n, size_t room)
{
	if (n > room)
		abort();
	explicit_bzero(p, n);
}

void arc4random_buf(void *buf, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = getrandom((char *)buf + done, n - done, 0);

		if (r > 0)
			done += (size_t)r;
	}
}

int __snprintf_chk(char *s, size_t n, int flag, size_t room, const char *format, ...)
{
	va_list args;
	int len;

	if (n > room)
		abort();
	va_start(args, format);
	len = vsnprintf(s, n, format, args);
	va_end(args);
	return len;
}
#endif
