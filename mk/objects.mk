# SPDX-License-Identifier: MIT
# One object for each source PATH.c or PATH.S: $(B)/obj/PATH.o. The stub, the vDSO, which are linked
# on their own, and generated .S files keep the ending: PATH.c.o, PATH.S.o.

obj = $(patsubst %,$(B)/obj/%.o,$(basename $(1)))

KERNEL_OBJ := $(call obj,$(KERNEL_SRC)) $(patsubst $(G)/%.c,$(B)/obj/gen/%.o,$(filter %.c,$(GEN_SRC))) \
	$(patsubst $(G)/%.S,$(B)/obj/gen/%.S.o,$(filter %.S,$(GEN_SRC)))
HOST_OBJ := $(call obj,$(HOST_SRC))
hole-obj = $(patsubst %,$(L)/obj/%.o,$(basename $(1)))
HOLE_HOST_OBJ := $(call hole-obj,$(filter %_host.c,$(HOLE_SRC)))
HOLE_KERNEL_OBJ := $(call hole-obj,$(filter-out %_host.c,$(HOLE_SRC)))

$(KERNEL_OBJ): WFLAGS = $(KFLAGS) $(KSAN)
$(filter $(B)/obj/kernel/fs/%,$(KERNEL_OBJ)): WFLAGS = $(KFLAGS) $(KSAN) $(EDGES)
$(HOST_OBJ): WFLAGS = $(HFLAGS) $(HCOV)
$(HOLE_KERNEL_OBJ): WFLAGS = $(KFLAGS)
$(HOLE_HOST_OBJ): WFLAGS = $(HFLAGS)
$(STUB_OBJ): WFLAGS = $(STUBFLAGS)
$(VDSO_OBJ): WFLAGS = $(VDSOFLAGS)
# Guest code on the guest's FPU: the cipher wants vectors.
$(B)/obj/arch/um/vdso/vrandom.c.o: WFLAGS = $(filter-out -mgeneral-regs-only,$(VDSOFLAGS))

# Code that the sanitizers' run time calls must not be instrumented, nor code that must look into
# free objects. And a loop in memcpy must not become a call of memcpy.
NOSAN := kernel/lib/debug/asan kernel/lib/debug/ubsan kernel/lib/ksyms kernel/mm/frame/slab kernel/mm/debug/leak arch/um/machine/asan
$(NOSAN:%=$(B)/obj/%.o) $(B)/obj/gen/ksyms.S.o: KSAN :=
$(B)/obj/kernel/lib/string.o: WFLAGS += -fno-tree-loop-distribute-patterns

# Headers that are generated must exist before the first compile; the .d files know the rest.
$(KERNEL_OBJ) $(HOST_OBJ) $(HOLE_KERNEL_OBJ) $(HOLE_HOST_OBJ): | $(GEN_HDR)

compile = $(CC) $(CBASE) $(OPT) $(WFLAGS) $(DEPFLAGS) -c -o $@ $<

# $(1): a folder; $(2), $(3): the patterns of object and source
define object-rule-in
$(1)/$(2): $(3)
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)
	$$(Q)$$(compile)
endef
object-rule = $(call object-rule-in,$(3)/obj,$(1),$(2))
define object-rules
$(call object-rule,%.o,%.c,$(1))
$(call object-rule,%.o,%.S,$(1))
$(call object-rule,%.c.o,%.c,$(1))
$(call object-rule,%.S.o,%.S,$(1))
$(call object-rule,gen/%.o,$(1)/gen/%.c,$(1))
$(call object-rule,gen/%.S.o,$(1)/gen/%.S,$(1))
endef
$(foreach d,$(sort $(B) $(L)),$(eval $(call object-rules,$(d))))

objs: $(KERNEL_OBJ) $(HOST_OBJ) $(STUB_OBJ) $(VDSO_OBJ)
