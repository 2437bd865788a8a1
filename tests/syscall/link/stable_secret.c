/* SPDX-License-Identifier: MIT */
/*
 * stable_secret: addresses made from a secret (RFC 7217): conf/NAME/stable_secret and
 * addr_gen_mode; if another machine has the address, a new one is made.
 */
#include "nd.h"

#define ND_NS 135
#define ND_NA 136

static void try(const char *dev, const char *name, const char *text)
{
	char path[128];
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), CONF6 "%s/%s", dev, name);
	fd = NEED(open(path, O_WRONLY));
	n = write(fd, text, strlen(text));
	say("%s/%s <- %s: %s", dev, name, text, n < 0 ? t_errno(errno) : "ok");
	close(fd);
}

static void secret(const char *dev)
{
	char path[128], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), CONF6 "%s/stable_secret", dev);
	fd = NEED(open(path, O_RDONLY));
	if (read(fd, text, sizeof(text) - 1) < 0)
		say("%s: %s", dev, t_errno(errno));
	else
		say("%s: %.*s, mode %d", dev, (int)strcspn(text, "\n"), text,
			get6(dev, "addr_gen_mode"));
	close(fd);
}

static void find_address(const char *begin, char *out)
{
	char line[128], text[33], dev[17];
	unsigned flags;
	FILE *f = fopen("/proc/net/if_inet6", "r");

	while (f && !*out && fgets(line, sizeof(line), f))
		if (sscanf(line, "%32s %*x %*x %*x %x %16s", text, &flags, dev) == 3 &&
			!strcmp(dev, "va0") && !strncmp(text, begin, strlen(begin)) &&
			!(flags & TENTATIVE))
			strcpy(out, text);
	if (f)
		fclose(f);
}

/* Returns va0's first address that begins with @begin, as in /proc/net/if_inet6, once usable. */
static const char *address(const char *begin, char *out)
{
	*out = 0;
	T_WAIT((find_address(begin, out), *out));
	return out;
}

static bool of_mac(const char *addr)
{
	return !strcmp(addr + 16, "000000fffe000001");
}

static void files(void)
{
	veth_pair("vx0", "vx1");
	secret("all");
	secret("default");
	secret("vx0");
	try("all", "stable_secret", "2001:db8::1");
	try("vx0", "addr_gen_mode", "2");
	try("vx0", "addr_gen_mode", "4");
	try("vx0", "addr_gen_mode", "-1");
	try("vx0", "stable_secret", "x");
	try("vx0", "stable_secret", "1::2::3");
	try("vx0", "stable_secret", "1:2:3:4:5:6:7");
	try("vx0", "stable_secret", "1:2:3:4:5:6:7:12345");
	secret("vx0");
	try("vx0", "stable_secret", "1:2:3:4:5:6:7:8");
	secret("vx0");
	try("vx0", "stable_secret", "::");
	secret("vx0");
	try("vx0", "stable_secret", "1::");
	secret("vx0");
	try("vx0", "stable_secret", "2001:DB8::7\n");
	secret("vx0");
	try("vx0", "addr_gen_mode", "0");
	secret("vx0");
	secret("vx1");
	try("default", "stable_secret", "2001:db8::9");
	secret("default");
	say("vx1 %d, vx0 %d", get6("vx1", "addr_gen_mode"), get6("vx0", "addr_gen_mode"));
	veth_pair("vc0", "vd0");
	secret("vc0");
}

/* Answers the probe for an address, so that the address counts as taken. */
static bool claim(const char *begin)
{
	unsigned char p[256], m[32] = { ND_NA, [4] = 0x20, [24] = 2, 1, 2, 0, 0, 0, 0, 9 },
			      want[16];

	inet_pton(AF_INET6, begin, want);
	while (nd_get(58, ND_NS, p, sizeof(p), 10000)) {
		char from[64];

		if (p[8] || p[15] || p[23]) /* an old address is not probed again */
			continue;
		memcpy(m + 8, p + PACKET_AT + 8, 16);
		if (memcmp(m + 8, want, 8) != 0)
			continue;
		inet_ntop(AF_INET6, m + 8, from, sizeof(from));
		T_WAIT(link_runs("vb0")); /* it may not be able to send yet */
		nd_send(from, "ff02::1", m, 32);
		return true;
	}
	return false;
}

static void tell_prefix(void)
{
	unsigned char m[48] = { 134, [16] = 3, 4, 64, 0x40, [22] = 0x20, [26] = 0x20 };

	inet_pton(AF_INET6, "fd77::", m + 32);
	nd_send("fe80::99", "ff02::1", m, 48);
}

static bool has(const char *begin)
{
	char line[128];
	bool yes = false;
	FILE *f = fopen("/proc/net/if_inet6", "r");

	tell_prefix();
	while (f && fgets(line, sizeof(line), f))
		yes |= !strncmp(line, begin, strlen(begin)) && strstr(line, "va0");
	if (f)
		fclose(f);
	return yes;
}

static void addresses(void)
{
	char a[64] = "", b[64], c[64], prefix[64];

	set_up("vb0", 1);
	nd_open();
	set_up("va0", 1);
	say("not by the card: %d", !of_mac(address("fe80", a)));
	T_WAIT(has("fd77"));
	address("fd77", prefix);
	say("so in the network: %d, not by the card %d, another one %d", *prefix != 0,
		!of_mac(prefix), strcmp(a + 16, prefix + 16) != 0);
	set_up("va0", 0);
	set_up("va0", 1);
	say("the same again: %d", !strcmp(address("fe80", b), a));
	set_up("va0", 0);
	conf6("va0", "stable_secret", "2001:db8::8");
	nd_drain();
	conf6("all", "accept_ra", "0");
	conf6("va0", "accept_ra", "0");
	set_up("va0", 1);
	say("by another secret another one: %d", strcmp(address("fe80", c), a) != 0 && *c);
	set_up("va0", 0);
	nd_drain();
	set_up("va0", 1);
	IS(claim("fe80::"));
	say("the address is taken, so another: %d", strcmp(address("fe80", b), c) != 0 && *b);
	say("not by the card: %d", !of_mac(b));
	set_up("va0", 0);
	conf6("va0", "addr_gen_mode", "1");
	set_up("va0", 1);
	conf6("va0", "addr_gen_mode", "0");
	say("once it is told to, by the card: %d", of_mac(address("fe80", a)));
}

TEST(stable_secret)
{
	if (unshare(CLONE_NEWNET))
		NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	veth_pair("va0", "vb0");
	set_mac("va0", 1);
	set_mac("vb0", 2);
	files();
	conf6("va0", "stable_secret", "2001:db8::7");
	addresses();
}
