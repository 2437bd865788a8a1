/* SPDX-License-Identifier: MIT */
/*
 * names.c: the names of the host's calls, for messages. They come from the guest's table of calls,
 * which has the same numbers.
 */
#include "os-linux/jail/jail.h"

static const char *const names[] = {
#include "gen/host_calls.h"
};

const char *jail_call_name(int nr)
{
	return nr >= 0 && (size_t)nr < sizeof(names) / sizeof(names[0]) ? names[nr] : NULL;
}
