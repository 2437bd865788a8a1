# SPDX-License-Identifier: MIT
# The libraries that decompress blocks of images (drivers/decompress). zlib is always there, the
# others if their headers are installed. The mount of an image that needs a missing library fails,
# and says why.
DECOMPRESS_DEFS := $(if $(wildcard /usr/include/zstd.h),-DHAVE_ZSTD) $(if $(wildcard /usr/include/lzma.h),-DHAVE_LZMA) \
	$(if $(wildcard /usr/include/lz4.h),-DHAVE_LZ4) $(if $(wildcard /usr/include/lzo/lzo1x.h),-DHAVE_LZO)
DECOMPRESS_LIBS := -lz $(if $(filter -DHAVE_ZSTD,$(DECOMPRESS_DEFS)),-lzstd) $(if $(filter -DHAVE_LZMA,$(DECOMPRESS_DEFS)),-llzma) \
	$(if $(filter -DHAVE_LZ4,$(DECOMPRESS_DEFS)),-llz4) $(if $(filter -DHAVE_LZO,$(DECOMPRESS_DEFS)),-llzo2)
DECOMPRESS_ARCHIVES := $(patsubst -l%,lib%.a,$(DECOMPRESS_LIBS))
$(B)/obj/drivers/decompress/decompress_host.o: WFLAGS += $(DECOMPRESS_DEFS)
