/* SPDX-License-Identifier: MIT */
/*
 * vmgenid.c: the virtual machine's generation id, as Linux shows it: a platform device whose uevent
 * "change" with NEW_VMGENID=1 notifies programs that this instance was rolled back or cloned. So
 * keys that they made from random numbers may exist twice. udev's rules and daemons listen.
 *
 * The id itself cannot be read: Linux hides it from programs as well. The kernel has nothing to
 * reseed: its random numbers come from the host, and the vDSO's keys are dropped at each restore.
 *
 * An instance that was only moved to another process is still unique, and gets no event.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/sysfs/device.h"
#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/lib/string.h"
#include "kernel/state/state.h"

#define NAME "VMGENCTR:00"
#define MODALIAS "acpi:VMGENCTR:VM_GEN_COUNTER:"

static int write_vars(char *to, size_t size, void *arg)
{
	return scnprintf(to, size, "DRIVER=vmgenid\nMODALIAS=" MODALIAS "\n");
}

static const struct sysfs_device device = {
	.devpath = "/devices/platform/" NAME, .subsystem = "platform", .vars = write_vars
};

static int show_modalias(struct seq *s, void *arg)
{
	seq_puts(s, MODALIAS "\n");
	return 0;
}

static int vmgenid_init(void)
{
	static const char *const links[][2] = {
		{ "devices/platform/" NAME "/subsystem", "../../../bus/platform" },
		{ "devices/platform/" NAME "/driver", "../../../bus/platform/drivers/vmgenid" },
		{ "bus/platform/devices/" NAME, "../../../devices/platform/" NAME },
		{ "bus/platform/drivers/vmgenid/" NAME, "../../../../devices/platform/" NAME },
	};
	int err;

	mutex_lock(&sysfs_grow);
	err = sysfs_create("devices/platform/" NAME "/modalias", show_modalias, NULL);
	if (!err)
		err = sysfs_add_uevent("devices/platform/" NAME, &device);
	for (u32 i = 0; i < ARRAY_SIZE(links) && !err; i++)
		err = sysfs_symlink(links[i][0], links[i][1]);
	mutex_unlock(&sysfs_grow);
	return err;
}
INITCALL(5, vmgenid_init);

static void vmgenid_resumed(void)
{
	if (machine_is_copy())
		uevent_send(&device, "change", "NEW_VMGENID=1\n");
}

STATE_PART(vmgenid_state) = {
	.name = "vmgenid",
	.resumed = vmgenid_resumed,
};
