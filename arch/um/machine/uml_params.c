/* SPDX-License-Identifier: MIT */
/*
 * uml_params.c: parameters of User Mode Linux that Nestling does not have. Each is refused with a
 * line that names the replacement; otherwise it would go to init, and the user would think that it
 * had worked. docs/from-uml.md has the whole table.
 */
#include "arch/um/internal.h"
#include "kernel/lib/printk.h"

static int refuse_iomem(const char *s)
{
	refuse("iomem=%s: there are no I/O memory regions; a file is a disk (ubd1=FILE) or a "
	       "folder (hostfs)",
		s);
}
PARAM("iomem=", refuse_iomem, NULL);

static int refuse_vec(const char *s)
{
	refuse("vec%s: there are no vector devices; eth<n>=slirp, tuntap, fd, switch, vde and "
	       "mcast are cards",
		s);
}
PARAM("vec*", refuse_vec, NULL);

static int refuse_virtio(const char *s)
{
	refuse("virtio_uml.device=%s: there are no virtio devices", s);
}
PARAM("virtio_uml.device=", refuse_virtio, NULL);

static int refuse_raw(const char *s)
{
	refuse("ssl-non-raw: serial lines are as stty in the guest sets them");
}
PARAM("ssl-non-raw", refuse_raw, NULL);

static int refuse_sysemu(const char *s)
{
	refuse("nosysemu: ptrace is used with seccomp=off only, and always with SYSEMU");
}
PARAM("nosysemu", refuse_sysemu, NULL);

static int refuse_ide(const char *s)
{
	refuse("fake_ide: there are no IDE disks; disks are ubd<n>");
}
PARAM("fake_ide", refuse_ide, NULL);

static int refuse_config(const char *s)
{
	refuse("--showconfig: there is no such file; --version prints the build");
}
PARAM("--showconfig", refuse_config, NULL);
