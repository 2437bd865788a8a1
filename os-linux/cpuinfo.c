/* SPDX-License-Identifier: MIT */
/* cpuinfo.c: the host's description of its CPUs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "os-linux/internal.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
	to[strcspn(to, "\n")] = 0;
}

/* Takes a line of /proc/cpuinfo, split at its colon. */
static void take_line(struct os_cpuinfo *info, const char *key, const char *value)
{
	if (!strcmp(key, "vendor_id"))
		copy_text(info->vendor, sizeof(info->vendor), value);
	else if (!strcmp(key, "model name"))
		copy_text(info->model_name, sizeof(info->model_name), value);
	else if (!strcmp(key, "flags"))
		copy_text(info->flags, sizeof(info->flags), value);
	else if (!strcmp(key, "bugs"))
		copy_text(info->bugs, sizeof(info->bugs), value);
	else if (!strcmp(key, "cpu family"))
		info->family = strtoul(value, NULL, 0);
	else if (!strcmp(key, "model"))
		info->model = strtoul(value, NULL, 0);
	else if (!strcmp(key, "stepping"))
		info->stepping = strtoul(value, NULL, 0);
	else if (!strcmp(key, "microcode"))
		info->microcode = strtoul(value, NULL, 0);
	else if (!strcmp(key, "cpu MHz"))
		info->mhz = strtod(value, NULL);
	else if (!strcmp(key, "cache size"))
		info->cache_kb = strtoul(value, NULL, 0);
}

static void read_first_cpu(struct os_cpuinfo *info, FILE *f)
{
	static char line[8192];

	while (fgets(line, sizeof(line), f) && line[0] != '\n') {
		char *colon = strchr(line, ':');
		size_t end;

		if (!colon)
			continue;
		end = colon - line;
		while (end && (line[end - 1] == '\t' || line[end - 1] == ' '))
			end--;
		line[end] = 0;
		take_line(info, line, colon + 1 + (colon[1] == ' '));
	}
}

int os_cpuinfo(struct os_cpuinfo *info)
{
	FILE *f = fopen("/proc/cpuinfo", "re");

	memset(info, 0, sizeof(*info));
	info->hwcap = getauxval(AT_HWCAP);
	info->hwcap2 = getauxval(AT_HWCAP2);
	info->minsigstksz = getauxval(AT_MINSIGSTKSZ);
	if (!f)
		return -ENOENT;
	read_first_cpu(info, f);
	fclose(f);
	return 0;
}
