/* SPDX-License-Identifier: MIT */
/*
 * settings.c: options of `nestctl run` that the built-in init carries out: hosts, name servers,
 * tmpfs, limits, a read-only root. They become strings of the job (tools/init/job.h).
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"

#define HOST_NAME_MAX_LEN 64
/* the host's address in the guest with --host-loopback */
#define GATEWAY "10.0.2.2"

void run_add_setting(struct run *r, char letter, const char *text)
{
	size_t n = strlen(text) + 2;

	r->settings = realloc(r->settings, r->settings_size + n);
	if (!r->settings)
		die("out of memory");
	r->settings[r->settings_size] = letter;
	memcpy(r->settings + r->settings_size + 1, text, n - 1);
	r->settings_size += n;
}

static bool is_address(const char *text)
{
	unsigned char binary[16];

	return inet_pton(AF_INET, text, binary) == 1 || inet_pton(AF_INET6, text, binary) == 1;
}

static bool is_host_name(const char *name)
{
	if (!*name || strlen(name) > HOST_NAME_MAX_LEN || *name == '-')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("-._", *name))
			return false;
	return true;
}

void run_set_hostname(struct run *r, const char *name)
{
	if (!is_host_name(name))
		die("run: --hostname '%s': expected letters, digits, - and ., at most %d", name,
			HOST_NAME_MAX_LEN);
	r->hostname = name;
}

void run_add_host(struct run *r, const char *text)
{
	size_t n = strcspn(text, ":=");
	const char *name = format("%.*s", (int)n, text);
	const char *address = text[n] ? text + n + 1 : "";

	if (!strcmp(address, "host-gateway"))
		address = GATEWAY;
	/* remove the brackets of [::1] */
	if (*address == '[' && address[strlen(address) - 1] == ']')
		address = format("%.*s", (int)strlen(address) - 2, address + 1);
	if (!is_host_name(name) || !is_address(address))
		die("run: --add-host '%s': expected NAME:ADDRESS", text);
	run_add_setting(r, 'a', format("%s\t%s", address, name));
}

void run_add_dns(struct run *r, const char *text)
{
	if (!is_address(text))
		die("run: --dns '%s': expected an address", text);
	run_add_setting(r, 'n', text);
}

void run_add_tmpfs(struct run *r, const char *text)
{
	size_t n = strcspn(text, ":");

	if (*text != '/' || strspn(text, "/.") >= n)
		die("run: --tmpfs '%s': expected DIR[:OPTIONS], with DIR's full path, not the root",
			text);
	run_add_setting(r, 'f', text);
}

void run_set_shm_size(struct run *r, const char *text)
{
	const uint64_t size = parse_size(text, "run: --shm-size");

	if (!size)
		die("run: --shm-size 0: expected a size (64M, 1G, ...)");
	run_add_setting(r, 'b', format("%lu", (unsigned long)size));
}

void run_add_sysctl(struct run *r, const char *text)
{
	size_t n = strcspn(text, "=");

	if (!n || !text[n] ||
		text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-./"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '=' ||
		strstr(format("%.*s", (int)n, text), ".."))
		die("run: --sysctl '%s': expected NAME=VALUE, as net.ipv4.ip_forward=1", text);
	run_add_setting(r, 'y', text);
}

void run_add_group(struct run *r, const char *text)
{
	if (!*text || strchr(text, ':'))
		die("run: --group-add '%s': expected a name or a number", text);
	run_add_setting(r, 'G', text);
}

void run_write_cidfile(const struct run *r, const char *name)
{
	int fd = open(r->cidfile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		die("run: --cidfile %s: %s", r->cidfile, strerror(errno));
	if (!put_all(fd, name, strlen(name), NULL)) {
		int err = errno;

		unlink(r->cidfile);
		die("run: --cidfile %s: %s", r->cidfile, strerror(err));
	}
	close(fd);
}

void run_set_read_only(struct run *r)
{
	run_add_setting(r, 'r', "");
}

/* ---- capabilities ---- */

/* Returns the bit of a capability, or all bits for ALL. Dies if the name is unknown. */
uint64_t capability_bits(const char *option, const char *name)
{
	/* in the order of their numbers (linux/capability.h) */
	static const char *const names[] = { "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER",
		"FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
		"NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK",
		"IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
		"SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG",
		"MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE",
		"MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON",
		"BPF", "CHECKPOINT_RESTORE" };
	const char *word = strncasecmp(name, "CAP_", 4) ? name : name + 4;

	if (!strcasecmp(word, "ALL"))
		return ~0UL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcasecmp(word, names[i]))
			return 1UL << i;
	die("run: --%s '%s': expected ALL or a name of capabilities(7)", option, name);
}

void run_drop_capability(struct run *r, const char *name)
{
	r->cap_drop |= capability_bits("cap-drop", name);
}

void run_add_capability(struct run *r, const char *name)
{
	r->cap_add |= capability_bits("cap-add", name);
}

uint64_t capabilities_kept(uint64_t drop, uint64_t add)
{
	/* a single capability in one option takes precedence over ALL in the other option */
	return add == ~0UL ? ~drop : ~drop | add;
}

void run_limit_capabilities(struct run *r)
{
	const uint64_t kept = capabilities_kept(r->cap_drop, r->cap_add);

	if (kept != ~0UL)
		run_add_setting(r, 'c', format("%lx", (unsigned long)kept));
}

/* Parses @n bytes as a limit: a number, "-1" or "unlimited". True if they are valid. */
static bool read_limit(const char *text, size_t n, rlim_t *limit)
{
	char *copy = format("%.*s", (int)n, text), *end;

	*limit = RLIM_INFINITY;
	if (!strcmp(copy, "-1") || !strcmp(copy, "unlimited"))
		return true;
	errno = 0;
	*limit = strtoul(copy, &end, 10);
	return isdigit((unsigned char)*copy) && !*end && !errno;
}

void run_add_ulimit(struct run *r, const char *text)
{
	static const struct {
		const char *name;
		int resource;
	} limits[] = { { "core", RLIMIT_CORE }, { "cpu", RLIMIT_CPU }, { "data", RLIMIT_DATA },
		{ "fsize", RLIMIT_FSIZE }, { "locks", RLIMIT_LOCKS }, { "memlock", RLIMIT_MEMLOCK },
		{ "msgqueue", RLIMIT_MSGQUEUE }, { "nice", RLIMIT_NICE },
		{ "nofile", RLIMIT_NOFILE }, { "nproc", RLIMIT_NPROC }, { "rss", RLIMIT_RSS },
		{ "rtprio", RLIMIT_RTPRIO }, { "rttime", RLIMIT_RTTIME },
		{ "sigpending", RLIMIT_SIGPENDING }, { "stack", RLIMIT_STACK } };
	size_t n = strcspn(text, "="), i = 0;
	const char *soft = text + n + !!text[n];
	size_t len = strcspn(soft, ":");
	rlim_t a, b;

	while (i < sizeof(limits) / sizeof(limits[0]) &&
		(strlen(limits[i].name) != n || strncmp(limits[i].name, text, n) != 0))
		i++;
	if (i == sizeof(limits) / sizeof(limits[0]))
		die("run: --ulimit '%s': expected NAME=SOFT[:HARD], with nofile or another name of "
		    "ulimit(1)",
			text);
	if (!read_limit(soft, len, &a) ||
		!(soft[len] ? read_limit(soft + len + 1, strlen(soft + len + 1), &b) :
			      read_limit(soft, len, &b)) ||
		a > b)
		die("run: --ulimit '%s': expected NAME=SOFT[:HARD], numbers or -1", text);
	run_add_setting(r, 'l',
		format("%d %lu %lu", limits[i].resource, (unsigned long)a, (unsigned long)b));
}
