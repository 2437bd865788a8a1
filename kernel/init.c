/* SPDX-License-Identifier: MIT */
/*
 * init.c: from the first kernel thread to the first program.
 *
 * kernel_main() (called by arch/um/entry/main.c in a kernel thread of its own) runs the initcalls,
 * level by level, and starts process 1, which finds a root, mounts devtmpfs on /dev, opens
 * /dev/console as 0, 1 and 2 and executes init:
 *
 *	initrd= with an /init (rdinit=)   the archive is unpacked and its /init executed, which may
 *	                                  mount root= itself
 *	else root=                        mounted, then init=, or /sbin/init, /etc/init, /bin/init,
 *	                                  /bin/sh
 *
 * Without a root or an init that works, refuse() prints one line and ends the instance before any
 * guest program has run. A failed initcall is a panic.
 */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>

#include "arch/um/machine/arch.h"
#include "gen/build_id.h"
#include "kernel/fs/initramfs/initramfs.h"
#include "kernel/init.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/process.h"
#include "kernel/vfs/super.h"

#define LAST_LEVEL 5
#define DEFAULT_ROOT "/dev/ubda"

extern const struct initcall __start_initcalls[], __stop_initcalls[];

static const char *root_name, *root_types, *root_data, *init_path, *rdinit_path = "/init";
static u32 root_flags = MS_RDONLY;
static u64 root_delay;

static int set_root(const char *value)
{
	root_name = value;
	return 0;
}
PARAM("root=", set_root, "DEVICE: the root file system (/dev/ubda)");

static int set_rootfstype(const char *value)
{
	root_types = value;
	return 0;
}
PARAM("rootfstype=", set_rootfstype, "TYPE: of the root (detected)");

static int set_rootflags(const char *value)
{
	root_data = value;
	return 0;
}
PARAM("rootflags=", set_rootflags, "OPTIONS: mount options of the root");

static int set_rw(const char *value)
{
	root_flags &= ~(u32)MS_RDONLY;
	return 0;
}
PARAM("rw", set_rw, "mount the root for writing");

static int set_ro(const char *value)
{
	root_flags |= MS_RDONLY;
	return 0;
}
PARAM("ro", set_ro, "mount the root read-only (default)");

static int set_rootdelay(const char *value)
{
	if (kstrtou64(value, 10, &root_delay) || root_delay > 3600)
		refuse("rootdelay=%s: not a number of seconds", value);
	return 0;
}
PARAM("rootdelay=", set_rootdelay, "SECONDS: to wait before the root is mounted");

static int set_init(const char *value)
{
	init_path = value;
	return 0;
}
PARAM("init=", set_init, "PATH: the first program");

static int set_rdinit(const char *value)
{
	rdinit_path = value;
	return 0;
}
PARAM("rdinit=", set_rdinit, "PATH: the first program on an initrd (/init)");

/* ---- the root ---- */

static bool unpack_archive(void)
{
	size_t size;
	const void *archive = arch_initrd(&size);
	int err;

	if (!archive)
		return false;
	pr_info("Unpacking initramfs...\n");
	err = unpack_initramfs(archive, size);
	arch_initrd_free();
	if (err == -EOPNOTSUPP)
		refuse("initrd=: this kernel is built without its compression");
	if (err)
		refuse("initrd=: not a cpio archive that can be unpacked: %s", arch_strerror(err));
	return true;
}

static bool file_exists(const char *path)
{
	struct file *f = filp_open(path, O_RDONLY, 0);

	if (IS_ERR(f))
		return false;
	fput(f);
	return true;
}

static void find_root(void)
{
	const char *name = root_name ? root_name : DEFAULT_ROOT;
	int err;

	if (root_delay) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_deadline(ktime_get() + root_delay * 1000000000);
	}
	err = mount_root(name, root_types, root_flags, root_data);
	switch (err) {
	case 0: return;
	case -ENODEV:
	case -ENXIO:
	case -ENOENT: refuse("root=%s: there is no such device", name);
	case -EINVAL: refuse("root=%s: no file system that this kernel knows", name);
	default: refuse("root=%s: cannot be mounted: %s", name, arch_strerror(err));
	}
}

static void open_console(void)
{
	struct file *f = filp_open("/dev/console", O_RDWR, 0);

	if (IS_ERR(f)) {
		pr_warn("Warning: unable to open an initial console.\n");
		return;
	}
	for (int fd = 0; fd < 3; fd++) {
		int got = get_unused_fd(0);

		if (got < 0)
			break;
		get_file(f);
		fd_install(got, f);
	}
	fput(f);
}

/* ---- init ---- */

static int run_program(const char *path)
{
	const char *argv[BOOT_MAX_INIT + 2] = { path };

	for (int i = 0; boot_init_args[i]; i++)
		argv[i + 1] = boot_init_args[i];
	pr_info("Run %s as init process\n", path);
	return kernel_execve(path, argv, boot_init_env);
}

static int run_init(void)
{
	static const char *const usual[] = { "/sbin/init", "/etc/init", "/bin/init", "/bin/sh" };
	int err;

	if (init_path) {
		err = run_program(init_path);
		if (err)
			refuse("init=%s: cannot be executed: %s", init_path, arch_strerror(err));
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
		err = run_program(usual[i]);
		if (!err)
			return 0;
		if (err != -ENOENT)
			pr_err("Starting init: %s exists but couldn't execute it (error %d)\n",
				usual[i], err);
	}
	refuse("init=: no working init found on the root");
}

/*
 * The function of process 1: finds the root and executes init. Process 1 then returns to user mode,
 * into init.
 */
static int first_process(void *unused)
{
	if (unpack_archive() && file_exists(rdinit_path))
		init_path = rdinit_path;
	else
		find_root();
	if (mount_devtmpfs("/dev"))
		pr_info("devtmpfs: error mounting on /dev\n");
	open_console();
	arch_jail();
	return run_init();
}

/* ---- initcalls ---- */

static void run_initcalls(void)
{
	for (int level = 1; level <= LAST_LEVEL; level++) {
		for (const struct initcall *c = __start_initcalls; c != __stop_initcalls; c++) {
			int err;

			if (c->level != level)
				continue;
			err = c->fn();
			if (err)
				panic("initcall %s failed: error %d", c->name, -err);
		}
	}
}

void kernel_main(void)
{
	pr_notice("Linux version %s (%s %s) %s\n", init_uts.name.release, NESTLING_VERSION,
		NESTLING_MODE, init_uts.name.version);
	pr_notice("Kernel command line: %s\n", boot_command_line);
	pr_info("Memory: %luK, %d vCPUs, guests intercepted by %s\n", (u64)physmem_boot_frames * 4,
		nr_cpus, arch_mode_name());
	run_initcalls();
	if (!kernel_spawn_init(first_process))
		panic("no memory for process 1");
}
