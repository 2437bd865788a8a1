/* SPDX-License-Identifier: MIT */
/*
 * crowd N: N processes, each with a second thread and memory of its own: more than the host has
 * address spaces for. They answer one after the other, then all end at once. Prints how many ended
 * with the right status.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 16
#define ROUNDS 3

static int go_at_once[2];
static unsigned char *memory;

static void *second(void *arg)
{
	int n = *(int *)arg;

	for (int i = 0; i < PAGES; i++)
		memory[4096 * i + 1] = (unsigned char)(n + i);
	return NULL;
}

static int remembers(int n)
{
	for (int i = 0; i < PAGES; i++)
		if (memory[4096 * i + 1] != (unsigned char)(n + i) ||
			memory[4096 * i] != (unsigned char)n)
			return 0;
	return 1;
}

static void child(int n, int in, int out)
{
	pthread_t t;
	/* kept in an FPU register while the process sleeps */
	double sum = n;
	char c;

	for (int i = 0; i < PAGES; i++)
		memory[4096 * i] = (unsigned char)n;
	if (pthread_create(&t, NULL, second, &n) || pthread_join(t, NULL))
		_exit(2);
	for (int i = 0; i < ROUNDS; i++) {
		if (read(in, &c, 1) != 1 || !remembers(n))
			_exit(3);
		sum += 0.5;
		if (write(out, &c, 1) != 1)
			_exit(4);
	}
	(void)!read(go_at_once[0], &c, 1);
	_exit(remembers(n) && sum == n + ROUNDS * 0.5 ? 7 : 5);
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0, answered = 0, ended = 0, status;
	int(*to)[2] = calloc((size_t)n, sizeof(*to)), back[2];
	char c = 'x';

	memory = aligned_alloc(4096, PAGES * 4096);
	if (!to || !memory || pipe(back) || pipe(go_at_once))
		return 1;
	memset(memory, 0, PAGES * 4096);
	for (int i = 0; i < n; i++) {
		if (pipe(to[i]))
			return 1;
		switch (fork()) {
		case -1: perror("fork"); return 1;
		case 0: close(go_at_once[1]); child(i, to[i][0], back[1]);
		}
		close(to[i][0]);
	}
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < n; i++)
			if (write(to[i][1], &c, 1) == 1 && read(back[0], &c, 1) == 1)
				answered++;
	close(go_at_once[1]);
	while (wait(&status) > 0)
		ended += WIFEXITED(status) && WEXITSTATUS(status) == 7;
	printf("%d answers, %d ended well\n", answered, ended);
	return 0;
}
