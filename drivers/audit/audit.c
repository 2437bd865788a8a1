/* SPDX-License-Identifier: MIT */
/*
 * audit.c: audit=fd:N: a log, on the host, of the guest's actions: programs that it runs, files of
 * the host's folders that it changes, connections, and refusals (docs/policy.md).
 *
 *	exec, fork, exit     kernel/task/audit/audit.c
 *	hostfs               drivers/hostfs/audit.c
 *	connections          tools/slirp/audit.c, a separate process with this descriptor
 *
 * Locks: none; audit_host.c has one.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "drivers/audit/audit_host.h"
#include "kernel/task/audit/line.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/state/state.h"

static const struct audit_ops ops = { .add = audit_host_add, .lose = audit_host_lose };

static int set_audit(const char *s)
{
	u64 fd;
	int err = strncmp(s, "fd:", 3) || kstrtou64(s + 3, 10, &fd) || fd > 1048575 ?
			  -EINVAL :
			  audit_host_open((int)fd);

	if (err)
		refuse("audit=%s: %s", s, err == -EINVAL ? "expected fd:N" : arch_strerror(err));
	audit_ops = &ops;
	return 0;
}
PARAM("audit=", set_audit, "fd:N: write what the guest does to this descriptor, as JSON lines");

/*
 * Unregisters the audit if this process has no descriptor for it. A rolled-back instance still has
 * the descriptor, and one started from a template gets one. Any other restored instance belongs to
 * another command, perhaps without an audit.
 */
static int rebuild(const char *dir, struct state_why *why)
{
	if (audit_host_fd() < 0)
		audit_ops = NULL;
	return 0;
}

STATE_PART(audit_state) = {
	.name = "audit",
	.rebuild = rebuild,
};
