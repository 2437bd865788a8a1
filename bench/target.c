/* SPDX-License-Identifier: MIT */
/* target.c: a small target of a fuzzer, for bench/state: reads two bytes and ends. */
#include <unistd.h>

int main(void)
{
	char b[2] = "";

	return read(0, b, sizeof(b)) == 2 && b[0] == 'K';
}
