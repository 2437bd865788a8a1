# SPDX-License-Identifier: MIT
# nestctl, an ordinary host program, and the static init that it carries for `nestctl run`.

NESTCTL_OBJ := $(call obj,$(NESTCTL_SRC))
$(NESTCTL_OBJ): WFLAGS = $(TOOLFLAGS)
$(NESTCTL_OBJ): | $(G)/build_id.h
$(B)/obj/tools/nestctl/init_blob.o: WFLAGS = -DINIT_PATH='"$(B)/init"'
$(B)/obj/tools/nestctl/init_blob.o: $(B)/init

INIT_OBJ := $(B)/obj/tools/init/init.o
$(INIT_OBJ): WFLAGS = -D_GNU_SOURCE -Os
$(B)/init: $(INIT_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) -static -s -o $@ $<

$(B)/nestctl: $(NESTCTL_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) -pthread -o $@ $(NESTCTL_OBJ) -lext2fs -lcom_err -larchive -lz
