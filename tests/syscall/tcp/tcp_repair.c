/* SPDX-License-Identifier: MIT */
/*
 * tcp_repair: TCP_REPAIR and related options without the right to use them: their errors before a
 * connection, while listening and in a connection.
 */
#include "inet.h"
#include <grp.h>

#ifndef TCP_REPAIR_WINDOW
#define TCP_REPAIR_WINDOW 29
#endif

static const struct {
	const char *name;
	int opt;
} opts[] = {
	{ "repair", TCP_REPAIR },
	{ "queue", TCP_REPAIR_QUEUE },
	{ "sequence", TCP_QUEUE_SEQ },
	{ "options", TCP_REPAIR_OPTIONS },
	{ "window", TCP_REPAIR_WINDOW },
	{ "time stamp", TCP_TIMESTAMP },
};

static void try(const char *what, int fd)
{
	static const int values[] = { 1, 0, -1, 7 };
	char b[64];

	for (unsigned i = 0; i < sizeof(opts) / sizeof(*opts); i++) {
		socklen_t len = 4;

		for (unsigned v = 0; v < 4; v++) {
			int r = setsockopt(fd, IPPROTO_TCP, opts[i].opt, &values[v], 4);

			say("%s: %s %d: %s", what, opts[i].name, values[v],
				r ? t_errno(errno) : "0");
		}
		say("%s: %s short: %s", what, opts[i].name,
			setsockopt(fd, IPPROTO_TCP, opts[i].opt, values, 2) ? t_errno(errno) : "0");
		say("%s: %s read: %s", what, opts[i].name,
			getsockopt(fd, IPPROTO_TCP, opts[i].opt, b, &len) ? t_errno(errno) : "0");
		if (opts[i].opt == TCP_REPAIR)
			say("  it is %d", *(int *)b);
		len = 20;
		say("%s: %s read, 20 bytes: %s", what, opts[i].name,
			getsockopt(fd, IPPROTO_TCP, opts[i].opt, b, &len) ? t_errno(errno) : "0");
	}
}

TEST(tcp_repair)
{
	int l = NEED(socket(AF_INET, SOCK_STREAM, 0)), c;

	lo_up();
	if (!geteuid()) {
		NEED(setgroups(0, NULL));
		NEED(setresuid(65534, 65534, 65534));
	}
	try("new", l);
	NEED(listen(l, 1));
	try("listening", l);
	c = NEED(socket(AF_INET, SOCK_STREAM, 0));
	NEED(reach(c, port_of(l)));
	try("connected", c);
}
