/* SPDX-License-Identifier: MIT */
/*
 * names.c: the names of the host's calls, for messages: from the table of calls, since a guest has
 * the numbers that its host has.
 */
#include "os-linux/jail/jail.h"

static const char *const names[] = {
#include "gen/host_calls.h"
};

const char *jail_call_name(int nr)
{
	return nr >= 0 && (size_t)nr < sizeof(names) / sizeof(names[0]) ? names[nr] : NULL;
}
