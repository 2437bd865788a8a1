/* SPDX-License-Identifier: MIT */
/*
 * partition.c: reads DOS (MBR, with logical partitions) and GPT partition tables.
 *
 * A GPT is used only if the first entry of the DOS table has type 0xee, and its second copy at the
 * disk's end is not read. Positions in tables count 512 bytes, whatever the disk's block size is.
 *
 * The tables come from the disk and may be hostile: the callback checks every start and length
 * against the disk, chains of logical partitions are followed a bounded number of times, and a GPT
 * must have the right checksums. Sources: UEFI specification 2.10, section 5; the DOS table as
 * fdisk writes it.
 */
#include <asm/errno.h>

#include "kernel/block/block.h"
#include "kernel/block/internal.h"
#include "kernel/lib/crc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

struct dos_entry {
	u8 boot, chs_start[3], type, chs_end[3];
	__le32 start, nr;
} __packed;
BUILD_BUG_ON(sizeof(struct dos_entry) != 16);

struct gpt_header {
	u8 signature[8];
	__le32 revision, size, crc, reserved;
	__le64 my_lba, alternate_lba, first_usable, last_usable;
	u8 guid[16];
	__le64 entries_lba;
	__le32 nr_entries, entry_size, entries_crc;
} __packed;
BUILD_BUG_ON(sizeof(struct gpt_header) != 92);

struct gpt_entry {
	u8 type[16], guid[16];
	__le64 first, last, attributes;
	u8 name[72];
} __packed;
BUILD_BUG_ON(sizeof(struct gpt_entry) != 128);

typedef int (*found_t)(struct gendisk *d, u32 partno, sector_t start, u64 nr);

#define DOS_TABLE 446
#define GPT_MAX_ENTRIES 128

static bool is_extended(u8 type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

static int read_sector(struct gendisk *d, sector_t s, void *buf)
{
	if (s >= d->capacity)
		return -EIO;
	return bdev_rw(d->part[0], REQ_READ, s, buf, 512);
}

static const struct dos_entry *dos_table(const u8 *sector)
{
	if (sector[510] != 0x55 || sector[511] != 0xaa)
		return NULL;
	return (const void *)(sector + DOS_TABLE);
}

/*
 * Scans logical partitions: a chain of tables, each of which has one partition and the sector of
 * the next table.
 */
static void scan_logical(struct gendisk *d, found_t found, sector_t base, u8 *buf)
{
	sector_t at = base;
	u32 partno = 5, hops;

	for (hops = 0; hops < 32; hops++) {
		const struct dos_entry *t;

		if (read_sector(d, at, buf) || !(t = dos_table(buf)))
			return;
		if (t[0].nr && !is_extended(t[0].type))
			found(d, partno++, at + t[0].start, t[0].nr);
		if (!t[1].nr || !is_extended(t[1].type) || !t[1].start)
			return;
		at = base + t[1].start;
	}
}

/*
 * Calls @found for each entry of the GPT. Returns false, without a call, if there is no valid GPT.
 */
static bool scan_gpt(struct gendisk *d, found_t found)
{
	struct gpt_header *h = get_free_page(GFP_KERNEL);
	u8 *entries = NULL;
	u32 i, crc, size;
	bool ok = false;

	if (!h)
		return false;
	if (read_sector(d, 1, h) || memcmp(h->signature, "EFI PART", 8) || h->size < sizeof(*h) ||
		h->size > 512)
		goto out;
	crc = h->crc;
	h->crc = 0;
	if (~crc32_le(~0U, h, h->size) != crc || h->entry_size != sizeof(struct gpt_entry) ||
		h->nr_entries > GPT_MAX_ENTRIES || h->entries_lba >= d->capacity)
		goto out;
	size = h->nr_entries * (u32)sizeof(struct gpt_entry);
	entries = get_free_pages(GFP_KERNEL, 2);
	if (!entries ||
		bdev_rw(d->part[0], REQ_READ, h->entries_lba, entries,
			round_up((size_t)size, 512)) ||
		~crc32_le(~0U, entries, size) != h->entries_crc)
		goto out;
	ok = true;
	for (i = 0; i < h->nr_entries; i++) {
		const struct gpt_entry *e = (const void *)(entries + i * sizeof(*e));
		static const u8 unused[16];

		if (memcmp(e->type, unused, 16) && e->last >= e->first)
			found(d, i + 1, e->first, e->last - e->first + 1);
	}
out:
	if (entries)
		free_pages_addr(entries, 2);
	free_page_addr(h);
	return ok;
}

void scan_partitions(struct gendisk *d, found_t found)
{
	u8 *buf;
	const struct dos_entry *t;
	struct dos_entry table[4];
	u32 i;

	if (d->capacity < 2)
		return;
	buf = get_free_page(GFP_KERNEL);
	if (!buf)
		return;
	if (read_sector(d, 0, buf) || !(t = dos_table(buf)))
		goto out;
	memcpy(table, t, sizeof(table));
	for (i = 0; i < 4; i++)
		if (table[i].boot & 0x7f)
			/* A sector with boot code or a file system, not a partition table. */
			goto out;
	if (table[0].type == 0xee && scan_gpt(d, found))
		goto out;
	for (i = 0; i < 4; i++) {
		if (!table[i].nr)
			continue;
		if (is_extended(table[i].type)) {
			found(d, i + 1, table[i].start, min_t(u64, table[i].nr, 2));
			scan_logical(d, found, table[i].start, buf);
		} else {
			found(d, i + 1, table[i].start, table[i].nr);
		}
	}
out:
	free_page_addr(buf);
}
