/* SPDX-License-Identifier: MIT */
/* getrandom(2): lengths, flags, that it is random at all. */
#include "t.h"
#include <sys/random.h>

TEST(getrandom)
{
	static unsigned char a[100000], b[100000];
	int i, count[256] = { 0 }, low = 0;

	T(getrandom(a, 100, 0));
	T(getrandom(b, 100, 0));
	say("differ %d", memcmp(a, b, 100) != 0);
	T(getrandom(a, sizeof(a), 0));
	for (i = 0; i < (int)sizeof(a); i++)
		count[a[i]]++;
	for (i = 0; i < 256; i++)
		low += count[i] < 250 || count[i] > 540;
	say("values that are too rare or too frequent: %d", low);
	T(getrandom(a, 0, 0));
	T(getrandom(a, 16, GRND_NONBLOCK));
	T(getrandom(a, 16, GRND_RANDOM));
	T(getrandom(a, 16, GRND_INSECURE));
	T(getrandom(a, 16, GRND_INSECURE | GRND_RANDOM));
	T(getrandom(a, 16, 0x100));
	T(getrandom(BAD, 16, 0));
	CHILD({
		NEED(getrandom(b, 32, 0));
		_exit(0);
	});
}
