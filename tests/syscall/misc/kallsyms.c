/* SPDX-License-Identifier: MIT */
/* /proc/kallsyms: the kernel's functions, a line each: address, type, name, and maybe a module. */
#include "t.h"

TEST(kallsyms)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[1024], name[900], type;
	unsigned lines = 0, odd = 0, letters = 0;
	unsigned long addr;

	while (f && fgets(line, sizeof(line), f)) {
		lines++;
		odd += sscanf(line, "%lx %c %899s", &addr, &type, name) != 3 || line[16] != ' ';
		letters += type == 't' || type == 'T';
	}
	IS(lines > 1000);
	IS(letters > 1000);
	IS(!odd);
	if (f)
		fclose(f);
}
