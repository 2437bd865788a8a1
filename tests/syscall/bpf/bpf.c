/* SPDX-License-Identifier: MIT */
/*
 * bpf: programs that decide which devices a group may use. Hosts seldom permit such programs, so
 * the host's side prints what is expected.
 */
#include "guest.h"
#include "bpf.h"

#include <sys/mount.h>
#include <sys/sysmacros.h>

#define INSN(c, d, s, o, i)                                                                        \
	{                                                                                          \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                \
	}
#define MOV(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define LDW(d, s, o) INSN(BPF_LDX | BPF_MEM | BPF_W, d, s, o, 0)
#define JEQ(d, i, o) INSN(BPF_JMP | BPF_JEQ | BPF_K, d, 0, o, i)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static const struct bpf_insn all[] = { MOV(0, 1), EXIT };
static const struct bpf_insn none[] = { MOV(0, 0), EXIT };
static const struct bpf_insn no_zero[] = { LDW(2, 1, 4), LDW(3, 1, 8), MOV(0, 1), JEQ(2, 1, 1),
	EXIT, JEQ(3, 5, 1), EXIT, MOV(0, 0), EXIT }; /* not 1:5 */
static const struct bpf_insn read_only[] = { LDW(2, 1, 0),
	INSN(BPF_ALU64 | BPF_RSH | BPF_K, 2, 0, 0, 16), MOV(0, 1), JEQ(2, BPF_DEVCG_ACC_READ, 1),
	MOV(0, 0), EXIT };
static const struct bpf_insn no_disks[] = { LDW(2, 1, 0),
	INSN(BPF_ALU64 | BPF_AND | BPF_K, 2, 0, 0, 0xffff), MOV(0, 1),
	JEQ(2, BPF_DEVCG_DEV_CHAR, 1), MOV(0, 0), EXIT };
static const struct bpf_insn bad[] = { INSN(BPF_LDX | BPF_MEM | BPF_DW, 0, 10, -8, 0), EXIT };

static char log_text[1024];

static int load_type(int type, const struct bpf_insn *p, int n)
{
	union bpf_attr a = { .prog_type = type,
		.insns = (uintptr_t)p,
		.insn_cnt = n,
		.license = (uintptr_t) "GPL",
		.prog_name = "devices",
		.log_level = 1,
		.log_buf = (uintptr_t)log_text,
		.log_size = sizeof(log_text) };

	return (int)bpf(BPF_PROG_LOAD, &a);
}
#define LOAD(p) load_type(BPF_PROG_TYPE_CGROUP_DEVICE, p, sizeof(p) / sizeof(*(p)))

static long attach_replacing(const char *dir, int prog, int flags, int old)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	union bpf_attr a = { .target_fd = fd,
		.attach_bpf_fd = prog,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = flags,
		.replace_bpf_fd = old };
	long r = bpf(BPF_PROG_ATTACH, &a);
	int err = errno;

	close(fd);
	errno = err;
	return r;
}
#define attach(dir, prog, flags) attach_replacing(dir, prog, flags, 0)

static long detach(const char *dir, int prog)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	union bpf_attr a = {
		.target_fd = fd, .attach_bpf_fd = prog, .attach_type = BPF_CGROUP_DEVICE
	};
	long r = bpf(BPF_PROG_DETACH, &a);
	int err = errno;

	close(fd);
	errno = err;
	return r;
}

static __u32 ids[8];
/* Returns the number of programs, or -1 with errno. Stores their ids in ids[]. */
static long query(const char *dir, int flags, int room)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	union bpf_attr a = { .query = { .target_fd = fd,
				     .attach_type = BPF_CGROUP_DEVICE,
				     .query_flags = flags,
				     .prog_ids = (uintptr_t)ids,
				     .prog_cnt = room } };
	long r = bpf(BPF_PROG_QUERY, &a);
	int err = errno;

	close(fd);
	errno = err;
	return r ? r : (long)a.query.prog_cnt;
}

static __u32 id_of(int fd)
{
	struct bpf_prog_info info = {};
	union bpf_attr a = {
		.info = { .bpf_fd = fd, .info_len = sizeof(info), .info = (uintptr_t)&info }
	};

	return bpf(BPF_OBJ_GET_INFO_BY_FD, &a) ? 0 : info.id;
}

static int by_id(__u32 id)
{
	union bpf_attr a = { .prog_id = id };

	return (int)bpf(BPF_PROG_GET_FD_BY_ID, &a);
}

static long open_close(const char *path, int flags)
{
	int fd = open(path, flags);

	return fd == -1 ? -1 : close(fd);
}

static void loading(void)
{
	struct bpf_prog_info info = {};
	int p = (int)GNEED(LOAD(no_zero)), again;
	union bpf_attr a = {
		.info = { .bpf_fd = p, .info_len = sizeof(info), .info = (uintptr_t)&info }
	};

	G(LOAD(bad), "-1 EACCES");
	GIS(strstr(log_text, "invalid read from stack"));
	G(load_type(BPF_PROG_TYPE_CGROUP_DEVICE, all, 1), "-1 EINVAL");
	G(load_type(BPF_PROG_TYPE_CGROUP_DEVICE, all, 0), "-1 E2BIG");
	G(load_type(BPF_PROG_TYPE_CGROUP_DEVICE, (void *)8, 2), "-1 EFAULT");
	G(load_type(77, all, 2), "-1 EINVAL");
	G(bpf(BPF_OBJ_GET_INFO_BY_FD, &a), "0");
	GIS(info.type == BPF_PROG_TYPE_CGROUP_DEVICE && info.id && info.gpl_compatible);
	GT(info.name, "devices");
	GIS(info.xlated_prog_len == sizeof(no_zero));
	again = (int)GNEED(by_id(info.id));
	GIS(id_of(again) == info.id);
	close(again);
	close(p);
	G(by_id(info.id), "-1 ENOENT");
	G(bpf(BPF_OBJ_GET_INFO_BY_FD, &a), "-1 EBADF");
	G(bpf(BPF_MAP_GET_FD_BY_ID, &(union bpf_attr){ .map_id = 999999 }), "-1 ENOENT");
	G(bpf(BPF_MAP_CREATE, &(union bpf_attr){ .map_type = 99 }), "-1 EINVAL");
	G(bpf(999, &(union bpf_attr){}), "-1 EINVAL");
	G(syscall(SYS_bpf, BPF_PROG_LOAD, BAD, sizeof(a)), "-1 EFAULT");
	G(syscall(SYS_bpf, BPF_PROG_LOAD, &a, 5000), "-1 E2BIG");
}

static void rules(void)
{
	int p = (int)GNEED(LOAD(all)), q = (int)GNEED(LOAD(all)), r = (int)GNEED(LOAD(none));

	G(attach("g", p, BPF_F_ALLOW_MULTI | BPF_F_ALLOW_OVERRIDE), "-1 EINVAL");
	G(attach("g", p, BPF_F_REPLACE), "-1 EINVAL");
	G(attach("g", p, 64), "-1 EINVAL");
	G(attach("g", 0, 0), "-1 EINVAL");
	G(attach("/", p, 0), "-1 EBADF");
	G(query("g", 0, 8), "0");
	G(attach("g", p, 0), "0");
	G(attach("g", q, BPF_F_ALLOW_MULTI), "-1 EPERM");   /* other flags */
	G(attach("g/h", q, BPF_F_ALLOW_MULTI), "-1 EPERM"); /* none below */
	G(attach("g", q, 0), "0");                          /* takes its place */
	G(query("g", 0, 8), "1");
	GIS(ids[0] == id_of(q));
	G(detach("g", p), "0"); /* whichever it is */
	G(detach("g", p), "-1 ENOENT");
	G(attach("g", p, BPF_F_ALLOW_MULTI), "0");
	G(attach("g", p, BPF_F_ALLOW_MULTI), "-1 EINVAL"); /* twice */
	G(attach("g", q, BPF_F_ALLOW_MULTI), "0");
	G(query("g", 0, 1), "-1 ENOSPC");
	G(detach("g", 0), "-1 EINVAL");
	G(attach("g/h", p, BPF_F_ALLOW_OVERRIDE), "0");
	G(query("g/h", 0, 8), "1");
	G(query("g/h", BPF_F_QUERY_EFFECTIVE, 8), "3");
	GIS(ids[0] == id_of(p) && ids[1] == id_of(p) && ids[2] == id_of(q));
	G(detach("g", p), "0");
	G(attach_replacing("g", p, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, q), "0");
	G(attach_replacing("g", p, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, q), "-1 EINVAL"); /* twice */
	G(attach_replacing("g", r, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, q), "-1 ENOENT");
	G(detach("g", q), "-1 ENOENT");
	G(detach("g", p), "0");
	G(detach("g/h", p), "0");
	close(p);
	close(q);
	close(r);
}

static void enter(const char *procs)
{
	int fd = open(procs, O_WRONLY);

	if (in_guest() && write(fd, "0", 1) != 1)
		_exit(77);
	close(fd);
}

static void refused(void)
{
	int p = (int)GNEED(LOAD(no_zero)), q = (int)GNEED(LOAD(read_only)),
	    n = (int)GNEED(LOAD(none));

	if (in_guest())
		NEED(mknod("/tmp/made", S_IFCHR | 0666, makedev(1, 5)));
	G(attach("g", p, BPF_F_ALLOW_MULTI), "0");
	G(open_close("/dev/zero", O_RDONLY), "0"); /* not in it */
	CHILD(enter("g/h/cgroup.procs"); G(open_close("/dev/zero", O_RDONLY), "-1 EPERM");
		G(open_close("/dev/zero", O_PATH), "0"); G(access("/dev/zero", R_OK), "-1 EPERM");
		G(access("/dev/zero", F_OK), "0"); G(open_close("/tmp/made", O_RDWR), "-1 EPERM");
		G(open_close("/dev/null", O_RDWR), "0");
		G(mknod("n", S_IFCHR | 0666, makedev(1, 5)), "-1 EPERM");
		G(mknod("/tmp/n", S_IFCHR | 0666, makedev(1, 3)), "0"); G(unlink("/tmp/n"), "0");
		G(attach("g/h", q, BPF_F_ALLOW_MULTI), "0");
		G(open_close("/dev/null", O_RDWR), "-1 EPERM");
		G(open_close("/dev/null", O_RDONLY), "0");
		G(mknod("/tmp/n", S_IFCHR | 0666, makedev(1, 3)), "-1 EPERM");
		G(mknod("/tmp/n", S_IFCHR | 0666, 0), "0"); /* a whiteout */
		G(unlink("/tmp/n"), "0"); G(mkfifo("/tmp/n", 0666), "0"); G(unlink("/tmp/n"), "0"));
	G(detach("g", p), "0");
	CHILD(enter("g/h/cgroup.procs"); G(open_close("/dev/zero", O_RDONLY), "0"));
	G(attach("g", n, BPF_F_ALLOW_OVERRIDE), "0"); /* the one below overrides it */
	CHILD(enter("g/h/cgroup.procs"); G(open_close("/dev/zero", O_RDONLY), "0"));
	G(rmdir("g/h"), "0");
	G(mkdir("g/h", 0755), "0");
	CHILD(enter("g/h/cgroup.procs"); G(open_close("/dev/zero", O_RDONLY), "-1 EPERM"));
	if (in_guest())
		unlink("/tmp/made");
}

/* A mount opens its device too, with no descriptor. */
static void mounting(void)
{
	int p = (int)GNEED(LOAD(no_disks)), q = (int)GNEED(LOAD(read_only));

	GNEED(mkdir("/tmp/mnt", 0755));
	GNEED(mknod("/tmp/disk", S_IFBLK | 0600, makedev(98, 0)));
	G(mount("/tmp/disk", "/tmp/mnt", "ext4", MS_NODEV, NULL), "0");
	G(umount("/tmp/mnt"), "0");
	G(attach("g/h", p, BPF_F_ALLOW_MULTI), "0");
	CHILD(enter("g/h/cgroup.procs");
		G(mount("/tmp/disk", "/tmp/mnt", "ext4", MS_NODEV, NULL), "-1 EPERM");
		G(mount("/tmp/disk", "/tmp/mnt", "ext4", MS_RDONLY, NULL), "-1 EPERM");
		G(mount("tmpfs", "/tmp/mnt", "tmpfs", 0, NULL), "0"); G(umount("/tmp/mnt"), "0"));
	G(detach("g/h", p), "0");
	G(attach("g/h", q, BPF_F_ALLOW_MULTI), "0");
	CHILD(enter("g/h/cgroup.procs");
		G(mount("/tmp/disk", "/tmp/mnt", "ext4", MS_NODEV, NULL), "-1 EPERM");
		G(mount("/tmp/disk", "/tmp/mnt", "ext4", MS_RDONLY, NULL), "-1 EBUSY"));
	G(detach("g/h", q), "0");
	if (in_guest()) {
		unlink("/tmp/disk");
		rmdir("/tmp/mnt");
	}
	close(p);
	close(q);
}

static void unprivileged(void)
{
	int p = (int)GNEED(LOAD(all));

	CHILD(if (in_guest()) NEED(setuid(1000)); G(LOAD(all), "-1 EPERM");
		G(attach("g", p, 0), "-1 EPERM"); G(detach("g", p), "-1 EPERM");
		G(query("g", 0, 0), "-1 EPERM"); G(by_id(1), "-1 EPERM"));
	CHILD(if (in_guest()) NEED(unshare(CLONE_NEWUSER)); G(LOAD(all), "-1 EPERM");
		G(attach("g", p, 0), "-1 EPERM"));
	close(p);
}

TEST(bpf)
{
	GNEED(mkdir("cg", 0755));
	GNEED(mount("cgroup2", "cg", "cgroup2", 0, NULL));
	GNEED(chdir("cg"));
	GNEED(mkdir("g", 0755));
	GNEED(mkdir("g/h", 0755));
	loading();
	rules();
	mounting();
	refused();
	unprivileged();
	GNEED(rmdir("g/h"));
	GNEED(rmdir("g"));
	GNEED(chdir(".."));
	GNEED(umount("cg"));
}
