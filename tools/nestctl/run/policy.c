/* SPDX-License-Identifier: MIT */
/*
 * policy.c: see policy.h.
 *
 * A run gets no network, port or folder that its policy does not name. A limit (cpus, memory, disk,
 * pids, timeout) that the policy does not name is that of the command line. The policy is read
 * completely before anything is made. Lines are `key = value`. A line that begins with `#` is a
 * comment. Only allow-net, volume and audit may be given several times.
 *
 * How a policy is combined with the command line:
 *
 *	network, loopback     both must allow it; nestling-slirp allows what is in both lists
 *	volume                the policy's volumes are mounted; -v may name the folder of one of
 *	                      them or a folder below, and is read-only if either is
 *	cpus, memory, ...     the smaller number
 *	audit                 all outputs of both are written
 */
#include "tools/nestctl/run/policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/audit.h"
#include "tools/nestctl/run/run.h"

#define PORTS_MAX 64
#define RULES_MAX 64

/* A policy that was read. Its texts are never freed. */
struct policy {
	const char *file;
	char *dir; /* folder of the policy's file */
	int line;  /* number of the line that is read */
	bool network;
	const char *rules; /* card's words ",policy="; or NULL */
	int nr_rules;
	/* ports of the host's loopback that the guest may reach: all if @loopback, else @ports */
	bool loopback;
	unsigned ports[PORTS_MAX];
	int nr_ports;
	struct run volumes;                /* only its volumes are used */
	unsigned long cpus, pids, timeout; /* 0: no limit; seconds */
	uint64_t memory, disk;             /* bytes; 0: no limit */
	char *memory_text, *disk_text;
};

/* Dies with a message that names the current line of the policy and @word. */
#define BAD(p, word, why, ...)                                                                     \
	die("%s:%d: '%s': " why, (p)->file, (p)->line, word __VA_OPT__(, ) __VA_ARGS__)

/* ---- values ---- */

unsigned long policy_seconds(const char *text)
{
	char *end;
	unsigned long n, unit = 1;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || errno)
		return 0;
	if (*end && strchr("smh", *end))
		unit = *end == 'h' ? 3600 : *end == 'm' ? 60 : 1, end++;
	return *end || n > INT_MAX / unit ? 0 : n * unit;
}

/* Returns a number from 1 to @most. Dies with a message if @value is no such number. */
static unsigned long number(const struct policy *p, const char *value, unsigned long most)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || !n || n > most)
		BAD(p, value, "expected a number from 1 to %lu", most);
	return n;
}

struct size_arg {
	const char *text;
	uint64_t size;
};

/* Parses a size under attempt(), since parse_size() dies at a bad size. */
static void to_size(void *arg)
{
	struct size_arg *a = arg;

	a->size = parse_size(a->text, "");
}

/* Returns a size in bytes. Dies if it is bad or 0. */
static uint64_t size(const struct policy *p, const char *value)
{
	struct size_arg a = { value, 0 };

	if (attempt(to_size, &a) || !a.size)
		BAD(p, value, "expected a size (512M, 2G, ...)");
	return a.size;
}

/*
 * Takes the next number of a list such as "80,443". True unless the list is at its end. Dies if the
 * number is no port.
 */
static bool next_port(const struct policy *p, char **list, unsigned *port)
{
	char *word = strsep(list, ",");

	if (word)
		*port = (unsigned)number(p, word, 65535);
	return word != NULL;
}

/* ---- keys ---- */

static void set_network(struct policy *p, char *value)
{
	if (strcmp(value, "on") && strcmp(value, "off"))
		BAD(p, value, "expected on or off; allow-net lists what may be reached");
	p->network = !strcmp(value, "on");
}

/* True for a host's name, or "*." in front of one. */
static bool is_name(const char *s)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

	s += 2 * !strncmp(s, "*.", 2);
	return *s && !s[strspn(s, letters)];
}

/* True for an IP address, or ADDRESS/BITS. */
static bool is_address(char *host)
{
	unsigned char addr[16];
	char *slash = strchr(host, '/'), *end = NULL;
	unsigned long bits = 0, most;
	int family = strchr(host, ':') ? AF_INET6 : AF_INET;
	bool good;

	if (slash) {
		*slash = '\0';
		bits = strtoul(slash + 1, &end, 10);
	}
	most = family == AF_INET ? 32 : 128;
	good = inet_pton(family, host, addr) == 1 &&
	       (!slash || (slash[1] >= '0' && slash[1] <= '9' && !*end && bits <= most));
	if (slash)
		*slash = '/';
	return good;
}

/* Adds HOST[:PORT,...]. An IPv6 address is in brackets. */
static void add_allowed(struct policy *p, char *value)
{
	bool bracket = *value == '[';
	char *host = format("%s", value + bracket),
	     *rest = host + strcspn(host, bracket ? "]" : ":");
	char *text = format("%s,policy=%s", p->rules ? p->rules : "", value), *list, last = *rest;
	unsigned port;

	if (*rest)
		*rest++ = '\0';
	if ((bracket && last != ']') || (bracket ? !is_address(host) || !strchr(host, ':') :
						   !is_address(host) && !is_name(host)))
		BAD(p, value, "expected HOST[:PORT,...]; HOST is a name, an address or a net");
	if (bracket && *rest && *rest++ != ':')
		BAD(p, value, "expected [ADDRESS]:PORT,...");
	list = *rest || (!bracket && last == ':') ? rest : NULL;
	while (next_port(p, &list, &port))
		;
	if (p->nr_rules++ == RULES_MAX)
		BAD(p, value, "no more than %d of them", RULES_MAX);
	for (char *s = text + strlen(p->rules ? p->rules : "") + 1; (s = strchr(s, ','));)
		*s = ':';
	p->rules = text;
	p->network = true;
}

static void set_loopback(struct policy *p, char *value)
{
	unsigned port;

	p->loopback = !strcmp(value, "on");
	if (p->loopback || !strcmp(value, "off"))
		return;
	while (next_port(p, &value, &port)) {
		if (p->nr_ports == PORTS_MAX)
			die("%s:%d: no more than %d ports", p->file, p->line, PORTS_MAX);
		p->ports[p->nr_ports++] = port;
	}
}

struct volume_arg {
	struct run *r;
	char *text;
};

/* Adds a volume under attempt(), since run_add_volume() dies at a bad volume. */
static void to_volume(void *arg)
{
	const struct volume_arg *a = arg;

	run_add_volume(a->r, a->text);
}

/* Adds a volume, whose host path is relative to the policy's folder. */
static void add_volume(struct policy *p, char *value)
{
	struct volume_arg a = { &p->volumes, value };
	const char *fault;

	if (*value != '/')
		a.text = format("%s/%s", p->dir, strncmp(value, "./", 2) ? value : value + 2);
	fault = attempt(to_volume, &a);
	if (fault)
		die("%s:%d: volume: %s", p->file, p->line, fault);
}

static void set_cpus(struct policy *p, char *value)
{
	p->cpus = number(p, value, 1024);
}

static void set_memory(struct policy *p, char *value)
{
	p->memory = size(p, value);
	p->memory_text = value;
}

static void set_disk(struct policy *p, char *value)
{
	p->disk = size(p, value);
	p->disk_text = value;
}

static void set_pids(struct policy *p, char *value)
{
	p->pids = number(p, value, 4194304);
}

static void set_timeout(struct policy *p, char *value)
{
	p->timeout = policy_seconds(value);
	if (!p->timeout)
		BAD(p, value, "expected a time (90, 90s, 10m, 2h)");
}

static void add_audit(struct policy *p, char *value)
{
	if (!strncmp(value, "fd:", 3))
		BAD(p, value, "expected a file; a descriptor is the command line's");
	audit_add(*value == '/' ? value : format("%s/%s", p->dir, value));
}

static void set_audit_size(struct policy *p, char *value)
{
	if (!audit_size(size(p, value)))
		BAD(p, value, "at least 256 KiB");
}

/* A key of the file, and the function that takes its value, a copy that is never freed. */
static struct key {
	const char *name;
	void (*set)(struct policy *p, char *value);
	bool many; /* may be given several times */
	int line;  /* line that gave the key, or 0 */
} keys[] = {
	{ .name = "network", .set = set_network },
	{ .name = "allow-net", .set = add_allowed, .many = true },
	{ .name = "host-loopback", .set = set_loopback },
	{ .name = "volume", .set = add_volume, .many = true },
	{ .name = "cpus", .set = set_cpus },
	{ .name = "memory", .set = set_memory },
	{ .name = "disk", .set = set_disk },
	{ .name = "pids", .set = set_pids },
	{ .name = "timeout", .set = set_timeout },
	{ .name = "audit", .set = add_audit, .many = true },
	{ .name = "audit-size", .set = set_audit_size },
};

/* ---- reading ---- */

/* Cuts blanks at both ends, within the text. */
static char *trim(char *s)
{
	char *end;

	s += strspn(s, " \t");
	for (end = s + strlen(s); end > s && strchr(" \t\r\n", end[-1]);)
		*--end = '\0';
	return s;
}

/* Returns the names of all keys, for a message. */
static const char *all_keys(void)
{
	const char *text = keys[0].name;

	for (size_t i = 1; i < sizeof(keys) / sizeof(keys[0]); i++)
		text = format("%s, %s", text, keys[i].name);
	return text;
}

/* Parses a line, which it changes. */
static void read_line(struct policy *p, char *text)
{
	char *key = trim(text), *eq, *value;
	size_t i = 0;

	if (!*key || *key == '#')
		return;
	eq = strchr(key, '=');
	if (!eq)
		BAD(p, key, "expected KEY = VALUE");
	*eq = '\0';
	value = trim(eq + 1);
	key = trim(key);
	while (i < sizeof(keys) / sizeof(keys[0]) && strcmp(keys[i].name, key))
		i++;
	if (i == sizeof(keys) / sizeof(keys[0]))
		BAD(p, key, "no key of a policy, which are %s", all_keys());
	if (keys[i].line && !keys[i].many)
		BAD(p, key, "given twice, first in line %d", keys[i].line);
	if (!*value)
		BAD(p, key, "expected a value");
	keys[i].line = p->line;
	keys[i].set(p, format("%s", value));
}

static void read_policy(struct policy *p)
{
	FILE *f = fopen(p->file, "re");
	char *text = NULL, *slash;
	size_t room = 0;
	ssize_t n;

	if (!f)
		die("--policy %s: %s", p->file, strerror(errno));
	p->dir = format("%s", p->file);
	slash = strrchr(p->dir, '/');
	if (slash)
		slash[slash == p->dir] = '\0';
	else
		strcpy(p->dir, *p->dir ? "." : "");
	/* a detached instance reads its policy a second time */
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		keys[i].line = 0;
	while ((n = getline(&text, &room, f)) >= 0) {
		p->line++;
		if (strlen(text) != (size_t)n)
			die("%s:%d: a byte that is no text", p->file, p->line);
		read_line(p, text);
	}
	if (ferror(f))
		die("--policy %s: %s", p->file, strerror(errno));
	free(text);
	fclose(f);
}

/* ---- combining ---- */

/* Returns the smaller limit, where 0 is no limit. */
static uint64_t stricter(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

/*
 * Returns the word ",loopback=" for the ports that policy and command line both allow, or NULL for
 * none. @text: the command line's word.
 */
static const char *both_loopback(const struct policy *p, const char *text)
{
	const char *list = NULL;
	char *copy, *word;

	if (!text || (!p->loopback && !p->nr_ports))
		return NULL;
	if (p->loopback)
		return text;
	if (!strcmp(text, ",loopback=on")) {
		for (int i = 0; i < p->nr_ports; i++)
			list = format("%s:%u", list ? list : "", p->ports[i]);
	} else {
		copy = format("%s", strchr(text, '=') + 1);
		while ((word = strsep(&copy, ":")))
			for (int i = 0; i < p->nr_ports; i++)
				if (strtoul(word, NULL, 10) == p->ports[i])
					list = format("%s:%u", list ? list : "", p->ports[i]);
	}
	return list ? format(",loopback=%s", list + 1) : NULL;
}

/* Dies unless the policy allows a card with these words. */
static void check_card(const char *net, const struct policy *p)
{
	if (strncmp(net, "slirp", 5) && strcmp(net, "none"))
		die("run: --net %s: %s allows slirp only", net, p->file);
	if (!strncmp(net, "slirp", 5) && net[5])
		die("run: --net %s: %s allows no words behind slirp", net, p->file);
}

/* Restricts the network options to what the policy allows. Dies if an option contradicts. */
static void combine_network(struct run *r, const struct policy *p)
{
	const char *asked = r->loopback;

	if (!p->network) {
		if (r->forwards)
			die("run: -p: %s has no network", p->file);
		if (r->nr_nets && !run_has_net(r, "none"))
			die("run: --net %s: %s has no network", r->nets[0] ?: "slirp", p->file);
		run_set_nets(r, "none");
		r->loopback = r->allow = NULL;
		return;
	}
	for (int i = 0; i < r->nr_nets; i++)
		check_card(r->nets[i] ?: "slirp", p);
	if (run_has_net(r, "none"))
		return;
	/* without the option the policy's ports apply */
	r->loopback = both_loopback(p, asked ? asked : ",loopback=on");
	if (p->rules)
		r->allow = format("%s%s", r->allow ? r->allow : "", p->rules);
}

/* True if @path is the folder @dir or below it. */
static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strcmp(dir, "/") || (!strncmp(path, dir, n) && (!path[n] || path[n] == '/'));
}

/*
 * Makes a volume of the command line read-only, unless a policy's volume that contains it is
 * writable. Dies if none contains it.
 */
static void restrict_volume(struct volume *v, const struct policy *p)
{
	bool found = false, rdonly = true;

	for (int i = 0; i < p->volumes.nr_volumes; i++) {
		const struct volume *o = &p->volumes.volumes[i];

		if (!is_below(v->host, o->host))
			continue;
		found = true;
		rdonly = rdonly && o->rdonly;
	}
	if (!found)
		die("run: -v %s:%s: no volume of %s", v->host, v->guest, p->file);
	v->rdonly = v->rdonly || rdonly;
}

/* Restricts the volumes of the command line, and adds those of the policy at other guest paths. */
static void combine_volumes(struct run *r, const struct policy *p)
{
	int own = r->nr_volumes;

	for (int i = 0; i < own; i++)
		restrict_volume(&r->volumes[i], p);
	for (int i = 0; i < p->volumes.nr_volumes; i++) {
		bool there = false;

		for (int k = 0; k < own; k++)
			there = there || !strcmp(r->volumes[k].guest, p->volumes.volumes[i].guest);
		if (there)
			continue;
		if (r->nr_volumes == VOLUMES_MAX)
			die("%s: no more than %d volumes, with those of -v", p->file, VOLUMES_MAX);
		r->volumes[r->nr_volumes++] = p->volumes.volumes[i];
	}
}

/* Returns the number of CPUs that this process may use. */
static unsigned long host_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : (unsigned long)CPU_COUNT(&set);
}

/* Sets each limit to the lower of the command line's and the policy's. */
static void combine_limits(struct run *r, const struct policy *p)
{
	uint64_t mem = parse_size(r->mem ? r->mem : DEFAULT_MEMORY, "run: --mem");

	if (p->memory && p->memory < mem)
		r->mem = p->memory_text;
	if (p->cpus && p->cpus < (r->ncpus ? strtoul(r->ncpus, NULL, 10) : host_cpus()))
		r->ncpus = format("%lu", p->cpus);
	if (p->disk && (!r->disk || p->disk < parse_size(r->disk, "run: --disk")))
		r->disk = p->disk_text;
	r->pids = stricter(r->pids, p->pids);
	r->timeout = stricter(r->timeout, p->timeout);
}

void policy_apply(struct run *r, const char *file)
{
	struct policy p = { .file = file };

	read_policy(&p);
	if (r->param)
		die("run: --param %s: not with --policy %s, which a parameter could go past",
			r->param, file);
	combine_network(r, &p);
	combine_volumes(r, &p);
	combine_limits(r, &p);
}
