/* SPDX-License-Identifier: MIT */
/*
 * lacks.c: hides features of the host that LACKS in the environment names: fsgsbase, iret, xsave,
 * seccomp. It stands between skas and os_space_probe().
 */
#include <stdlib.h>
#include <string.h>

#include "os-linux/os_space.h"

int __real_os_space_probe(struct os_space_host *host);
int __wrap_os_space_probe(struct os_space_host *host);

static int lacks(const char *what)
{
	const char *all = getenv("LACKS");

	return all && strstr(all, what);
}

int __wrap_os_space_probe(struct os_space_host *host)
{
	int err = __real_os_space_probe(host);

	if (lacks("fsgsbase"))
		host->caps &= ~OS_SPACE_FSGSBASE;
	if (lacks("iret"))
		host->caps &= ~OS_SPACE_IRET;
	if (lacks("seccomp"))
		host->caps &= ~OS_SPACE_SECCOMP;
	if (lacks("xsave")) {
		host->xstate_size = 512;
		host->xfeatures = 0;
	}
	return err;
}
