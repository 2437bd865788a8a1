/* SPDX-License-Identifier: MIT */
/* proc_net_heads: the first lines of the lists in /proc/net, by which programs find columns. */
#include "t.h"

TEST(proc_net_heads)
{
	static const char *const files[] = { "tcp", "tcp6", "udp", "udp6", "raw", "raw6", "icmp",
		"icmp6", "ptype", "rt_cache", "ip6_flowlabel" };
	char path[64], line[512];

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/net/%s", files[i]);
		f = fopen(path, "r");
		if (f && fgets(line, sizeof(line), f))
			say("%s: '%.*s'", path, (int)strcspn(line, "\n"), line);
		else
			say("%s: nothing", path);
		if (f)
			fclose(f);
	}
}
