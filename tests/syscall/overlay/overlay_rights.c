/* SPDX-License-Identifier: MIT */
/*
 * overlay_rights: set-id bits are also cleared on the real file; access control lists of the layers
 * are obeyed; O_TRUNC by a caller that may not truncate; a FIFO that the mounter may only write.
 */
#include "acl.h"
#include "guest.h"
#include "mounts.h"
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#define OPTIONS "lowerdir=l,upperdir=u,workdir=w"

static void mode_of(const char *path)
{
	struct stat st;

	NEED(stat(path, &st));
	say("%s: %o %d:%d", path, st.st_mode & 07777, (int)st.st_uid, (int)st.st_gid);
}

static void both(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "m/%s", name);
	mode_of(path);
	snprintf(path, sizeof(path), "u/%s", name);
	mode_of(path);
}

static void program(const char *path, int mode)
{
	t_text(path, "a program");
	NEED(chown(path, 1000, 1000));
	NEED(chmod(path, mode));
}

/* ---- set-id bits ---- */

static void make_programs(const char *layer)
{
	static const struct {
		const char *name;
		int mode;
	} all[] = { { "given", 06755 }, { "kept", 06755 }, { "locking", 02745 }, { "group", 06755 },
		{ "cut", 06777 }, { "emptied", 06777 }, { "written", 06777 }, { "refused", 06755 },
		{ "both", 06755 } };
	char path[64];

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		snprintf(path, sizeof(path), "%s/%s%s", layer, all[i].name,
			*layer == 'l' ? ".low" : "");
		program(path, all[i].mode);
	}
}

static void by_another(const char *suffix)
{
	char path[64];
	int fd;

	t_become(1001, 1001);
	snprintf(path, sizeof(path), "m/refused%s", suffix);
	T(chown(path, 1001, -1));
	snprintf(path, sizeof(path), "m/cut%s", suffix);
	T(truncate(path, 3));
	snprintf(path, sizeof(path), "m/emptied%s", suffix);
	OK(open(path, O_WRONLY | O_TRUNC));
	snprintf(path, sizeof(path), "m/written%s", suffix);
	fd = NEED(open(path, O_WRONLY));
	T(write(fd, "x", 1));
}

static void give_away(const char *suffix)
{
	static const char *const names[] = { "given", "kept", "locking", "group", "cut", "emptied",
		"written", "both" };
	char path[64];

	snprintf(path, sizeof(path), "m/given%s", suffix);
	T(chown(path, 0, 0));
	snprintf(path, sizeof(path), "m/locking%s", suffix);
	T(chown(path, 0, 0));
	snprintf(path, sizeof(path), "m/group%s", suffix);
	CHILD({
		t_become(1000, 1000);
		T(chown(path, -1, 1000));
	});
	snprintf(path, sizeof(path), "m/kept%s", suffix);
	T(truncate(path, 3)); /* root's right */
	snprintf(path, sizeof(path), "m/both%s", suffix);
	T(chown(path, 5, 5));
	T(chmod(path, 06711));
	CHILD({ by_another(suffix); });
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s%s", names[i], suffix);
		both(path);
	}
	snprintf(path, sizeof(path), "m/refused%s", suffix);
	mode_of(path);
}

static void set_ids(void)
{
	make_programs("l");
	make_programs("u");
	NEED(mount("overlay", "m", "overlay", 0, OPTIONS));
	give_away("");
	give_away(".low");
	NEED(umount("m"));
}

/* ---- access control lists ---- */

static void listed(const char *path, int mode, const char *acl)
{
	t_text(path, "text");
	NEED(chown(path, 0, 100));
	NEED(chmod(path, mode));
	NEED(acl_put(path, ACL_ACCESS, acl));
}

static void may(const char *who, int uid, int gid)
{
	static const char *const names[] = { "m/named", "m/kept_out", "m/dir", "m/dir/x", "m/up" };

	CHILD({
		t_become(uid, gid);
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
			bool r = !access(names[i], R_OK), w = !access(names[i], W_OK);
			int fd = open(names[i], O_RDONLY);

			say("%s %s:%s%s, open %s", who, names[i], r ? " r" : "", w ? " w" : "",
				fd < 0 ? t_errno(errno) : "ok");
			close(fd);
		}
	});
}

static void everybody(void)
{
	may("bob", 1000, 1000);
	may("eve", 1001, 1001);
	may("eve of the group", 1001, 100);
	may("member", 1002, 100);
	may("other", 1002, 1002);
	may("root", 0, 0);
}

static void lists(void)
{
	listed("l/named", 0660, "u::6 u1000:6 g::0 m::6 o::0");
	listed("l/kept_out", 0664, "u::6 u1001:0 g::4 m::6 o::4");
	NEED(mkdir("l/dir", 0755));
	NEED(acl_put("l/dir", ACL_ACCESS, "u::7 u1001:0 g::5 m::7 o::5"));
	t_text("l/dir/x", "x");
	listed("u/up", 0660, "u::6 u1000:4 g::0 g1001:6 m::6 o::0");
	NEED(mount("overlay", "m", "overlay", 0, OPTIONS));
	everybody();
	T(chmod("m/named", 0640)); /* copied up, with less in the mask */
	T(chmod("m/kept_out", 0666));
	T(chmod("m/dir", 0775));
	everybody();
	NEED(umount("m"));
}

/* ---- Landlock ---- */

#define WRITE_FILE (1UL << 1)
#define TRUNCATE (1UL << 14)

static void forbid_truncate(void)
{
	uint64_t handled = WRITE_FILE | TRUNCATE;
	struct {
		uint64_t access;
		int32_t fd;
	} __attribute__((packed)) beneath = { WRITE_FILE, NEED(open(".", O_PATH)) };
	int rules = NEED(syscall(444, &handled, sizeof(handled), 0));

	NEED(syscall(445, rules, 1, &beneath, 0));
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	NEED(syscall(446, rules, 0));
}

/* A refused O_TRUNC leaves the lower file as it is. Linux empties it first. */
static void not_emptied(void)
{
	struct stat st;

	t_text("l/whole", "whole");
	NEED(mount("overlay", "m", "overlay", 0, OPTIONS));
	CHILD({
		forbid_truncate();
		T(open("m/whole", O_WRONLY | O_TRUNC));
		OK(open("m/whole", O_WRONLY));
	});
	NEED(stat("m/whole", &st));
	GIS(st.st_size == 5);
	NEED(umount("m"));
}

/* ---- FIFOs ---- */

/* A write to a FIFO or a device copies nothing up, so the mounter needs no right to read it. */
static void only_written(void)
{
	NEED(mknod("l/fifo", S_IFIFO, 0));
	NEED(mknod("l/null", S_IFCHR, makedev(1, 3)));
	t_text("l/regular", "text");
	NEED(chmod("l/fifo", 0222));
	NEED(chmod("l/null", 0222));
	NEED(chmod("l/regular", 0222));
	CHILD({
		struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
		struct __user_cap_data_struct d[2];

		NEED(syscall(SYS_capget, &h, d));
		d[0].effective &= ~(1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH);
		NEED(syscall(SYS_capset, &h, d));
		NEED(mount("overlay", "m", "overlay", 0, "lowerdir=l:u"));
		T(access("m/fifo", W_OK));
		T(access("m/fifo", R_OK));
		T(open("m/fifo", O_WRONLY | O_NONBLOCK));
		T(access("m/null", W_OK));
		OK(open("m/null", O_WRONLY));
		T(access("m/regular", W_OK));
	});
	NEED(umount("m"));
}

TEST(overlay_rights)
{
	own_mounts();
	umask(022);
	scratch_enter("mode=755");
	NEED(mkdir("l", 0755));
	NEED(mkdir("u", 0755));
	NEED(mkdir("w", 0755));
	NEED(mkdir("m", 0755));
	set_ids();
	lists();
	not_emptied();
	only_written();
	scratch_leave();
}
