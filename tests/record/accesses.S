# accesses.S - loads, stores, and what is both; exact.py tells how to read the comments.
.globl _start
.text
_start:
    mov $stack, %rsp                #:
    mov data(%rip), %eax            #: R data:4
    mov %eax, data+8(%rip)          #: W data+8:4
    movb $1, data+4095(%rip)        #: W data+4095:1

    # read and modified: a load and a store
    add %eax, data(%rip)            #: R data:4 W data:4
    incq data+16(%rip)              #: R data+16:8 W data+16:8
    lock xadd %eax, data(%rip)      #: R data:4 W data:4
    lock incl data(%rip)            #: R data:4 W data:4
    xchg %rax, data+512(%rip)       #: R data+512:8 W data+512:8
    cmp %eax, data(%rip)            #: R data:4

    # the stack
    push %rax                       #: W stack-8:8
    push data+4096(%rip)            #: R data+4096:8 W stack-16:8
    pop %rbx                        #: R stack-16:8
    pop data(%rip)                  #: R stack-8:8 W data:8
    call 1f                         #: W stack-8:8
    nop                             # never runs
1:  lea 4(%rsp), %rdx               #:

    # across a page, and at its end
    mov data+4094(%rip), %eax       #: R data+4094:4
    mov %rax, data+4089(%rip)       #: W data+4089:8
    mov %rax, data+4088(%rip)       #: W data+4088:8
    add %ax, data+4095(%rip)        #: R data+4095:2 W data+4095:2
    mov data+510(%rip), %rax        #: R data+510:8

    # sixteen bytes
    movups data(%rip), %xmm0        #: R data:16/8
    movaps %xmm0, data+4080(%rip)   #: W data+4080:16/8
    movups %xmm0, data+4090(%rip)   #: W data+4090:16/8
    movups data+4095(%rip), %xmm1   #: R data+4095:16/8
    movups data+4088(%rip), %xmm1   #: R data+4088:16/8
    paddq data+32(%rip), %xmm0      #: R data+32:16/8
    movsd data+8(%rip), %xmm2       #: R data+8:8
    movss %xmm2, data+8(%rip)       #: W data+8:4

    # repeated string instructions: a fetch each round, and one that finds the end
    mov $data, %esi                 #:
    mov $data+4096, %edi            #:
    mov $3, %ecx                    #:
    rep movsb                       #: R data:1 W data+4096:1 | R data+1:1 W data+4097:1 | R data+2:1 W data+4098:1 |
    mov $data+4080, %edi            #:
    mov $3, %ecx                    #:
    rep stosq                       #: W data+4080:8 | W data+4088:8 | W data+4096:8 |
    rep stosq                       #:
    mov $data, %esi                 #:
    mov $data+4096, %edi            #:
    mov $2, %ecx                    #:
    # the order of the two loads is nowhere defined; QEMU begins with %rdi's
    repe cmpsb                      #: R data+4096:1 R data:1 | R data+4097:1 R data+1:1 |
    lodsl                           #: R data+2:4
    stosb                           #: W data+4098:1
    movsw                           #: R data+6:2 W data+4099:2
    scasb                           #: R data+4101:1

    # nothing
    lea data(%rip), %rax            #:
    prefetcht0 data(%rip)           #:
    nopw data(%rip)                 #:
    mov $60, %eax                   #:
    mov $7, %edi                    #:
    syscall                         #:
.data
data: .skip 8192
.bss
    .skip 4096
stack: .skip 4096
