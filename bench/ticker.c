/* SPDX-License-Identifier: MIT */
/*
 * ticker MIB: holds MIB mebibytes of random bytes, prints "ready", and then "tick" each 5 ms
 * (bench/anchors). It is static and needs no other file, so it does equal work in each system, also
 * as init of a kernel that has nothing else. It reads its last argument, since such a kernel may
 * put others before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

int main(int argc, char **argv)
{
	size_t size = argc > 1 ? strtoul(argv[argc - 1], NULL, 10) << 20 : 0;
	const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };

	if (size) {
		char *p = mmap(
			NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return perror("ticker"), 1;
		for (size_t done = 0; done < size;) {
			ssize_t n = getrandom(p + done, size - done, 0);

			if (n <= 0)
				return perror("ticker: getrandom"), 1;
			done += (size_t)n;
		}
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	for (;;) {
		nanosleep(&pause, NULL);
		puts("tick");
	}
}
