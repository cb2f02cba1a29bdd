# pages.S - code on several pages, instructions across their ends.
.globl _start
.text
_start:
    mov $stack, %rsp                #:
    mov data(%rip), %eax            #: R data:4
    jmp far                         #:
    .skip 500, 0x90
far:
    nop                             #:
    mov %eax, data(%rip)            #: W data:4
    jmp edge                        #:

    .balign 4096, 0x90
    .skip 4090, 0x90
edge:
    nop                             #:
    mov data(%rip), %eax            #: R data:4
    mov %eax, data+4096(%rip)       #: W data+4096:4
    nop                             #:
    jmp far_edge                    #:

    .balign 4096, 0x90
    .skip 4092, 0x90
far_edge:
    add %eax, data+4094(%rip)       #: R data+4094:4 W data+4094:4
    call *table(%rip)               #: R table:8 W stack-8:8

    .balign 4096, 0x90
    .skip 4095, 0x90
last:
    pushfq                          #: W stack-16:8
    lea stack-8(%rip), %rsp         #:
    push $back                      #: W stack-16:8
    ret                             #: R stack-16:8
    .skip 4096, 0x90
back:
    mov $60, %eax                   #:
    mov $7, %edi                    #:
    syscall                         #:
.data
data: .skip 8192
table: .quad last
.bss
    .skip 4096
stack: .skip 4096
