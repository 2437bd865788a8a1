/* SPDX-License-Identifier: MIT */
/*
 * race_pipe: many writers and readers of one pipe: small writes stay whole, no byte is lost, all
 * processes end.
 */
#include "t.h"

TEST(race_pipe)
{
	char msg[64], buf[64];
	int *count;
	int p[2], i, n, status, bad = 0, got[8] = { 0 };

	count = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(pipe(p));
	for (n = 0; n < 8; n++)
		SPAWN({
			close(p[0]);
			memset(msg, 'A' + n, sizeof(msg));
			for (i = 0; i < 500; i++)
				NEED(write(p[1], msg, sizeof(msg)) == sizeof(msg) ? 0 : -1);
		});
	close(p[1]);
	while ((n = read(p[0], buf, sizeof(buf))) > 0) {
		if (n != sizeof(buf)) {
			bad++;
			continue;
		}
		for (i = 1; i < n; i++)
			bad += buf[i] != buf[0];
		got[buf[0] - 'A']++;
	}
	while (wait(&status) > 0)
		bad += status != 0;
	for (i = 0; i < 8; i++)
		bad += got[i] != 500;
	say("many writers: %d bad", bad);

	/* many readers share what one writes */
	NEED(pipe(p));
	for (n = 0; n < 4; n++)
		SPAWN({
			close(p[1]);
			while (read(p[0], buf, 1) == 1)
				__atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
		});
	close(p[0]);
	for (i = 0; i < 400; i++)
		NEED(write(p[1], "x", 1));
	close(p[1]);
	while (wait(&status) > 0)
		;
	say("many readers: %d", *count);

	/* a ring of processes passes a token round */
	{
		int ring[9][2];
		long token = 0;

		for (i = 0; i < 9; i++)
			NEED(pipe(ring[i]));
		for (i = 0; i < 8; i++)
			SPAWN({
				for (n = 0; n < 100; n++) {
					NEED(read(ring[i][0], &token, sizeof(token)) ==
								sizeof(token) ?
							0 :
							-1);
					token++;
					NEED(write(ring[i + 1][1], &token, sizeof(token)));
				}
			});
		for (n = 0; n < 100; n++) {
			NEED(write(ring[0][1], &token, sizeof(token)));
			NEED(read(ring[8][0], &token, sizeof(token)) == sizeof(token) ? 0 : -1);
		}
		say("token %ld", token);
		while (wait(NULL) > 0)
			;
	}
}
