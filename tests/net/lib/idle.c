/* SPDX-License-Identifier: MIT */
/*
 * idle.c: idle NUMBER: so many connections over lo, open at both ends; prints "BYTES an end" that
 * they take of MemAvailable.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static long available(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[200];
	long kib = 0;

	while (f && fgets(line, sizeof(line), f) && sscanf(line, "MemAvailable: %ld", &kib) != 1)
		;
	if (f)
		fclose(f);
	return kib;
}

int main(int argc, char **argv)
{
	struct rlimit most = { 30000, 30000 };
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(7777),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int l = socket(AF_INET, SOCK_STREAM, 0), n = argc > 1 ? atoi(argv[1]) : 1000, all[2],
	    end[2];
	long before;
	char c;

	setrlimit(RLIMIT_NOFILE, &most);
	if (bind(l, (struct sockaddr *)&a, sizeof(a)) || listen(l, 1000) || pipe(all) || pipe(end))
		return 1;
	before = available();
	if (!fork()) {
		for (int i = 0; i < n; i++)
			if (accept(l, NULL, NULL) < 0)
				_exit(1);
		if (write(all[1], "x", 1) == 1 && read(end[0], &c, 1) == 1)
			_exit(0);
		_exit(1);
	}
	close(all[1]);
	for (int i = 0; i < n; i++)
		if (connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof(a)))
			return 1;
	if (read(all[0], &c, 1) != 1)
		return 1;
	printf("%ld an end\n", (before - available()) * 1024 / n / 2);
	return write(end[1], "x", 1) != 1;
}
