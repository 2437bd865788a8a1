/* SPDX-License-Identifier: MIT */
/*
 * binfmt_script.c: a file that begins with "#!" runs its interpreter: argv becomes interpreter,
 * optional argument, the script's name, and what followed argv[0]. The interpreter may be a script
 * itself, up to five levels (exec.c counts them).
 */
#include "kernel/task/exec/exec.h"
#include "kernel/task/exec/script_line.h"

int load_script(struct bprm *b)
{
	struct script_line line;
	char *interp;
	int err;

	err = script_parse(b->buf, sizeof(b->buf), &line);
	if (err)
		return err;
	/* The interpreter could not open the script, whose descriptor is closed by then. */
	if (b->path_inaccessible)
		return -ENOENT;
	err = args_remove_first(&b->args);
	if (!err)
		err = args_push_kernel(&b->args, b->interp ? b->interp : b->filename);
	if (!err && line.arg) {
		err = args_push_kernel(&b->args, line.arg);
		b->args.argc++;
	}
	if (!err)
		err = args_push_kernel(&b->args, line.interp);
	b->args.argc += 2;
	if (err)
		return err;
	interp = kstrdup(line.interp);
	if (!interp)
		return -ENOMEM;
	kfree(b->interp);
	b->interp = interp;
	return bprm_open(b, interp);
}
