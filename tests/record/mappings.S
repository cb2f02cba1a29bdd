# mappings.S - system calls that change the program's memory: each is an event at its place.
.globl _start
.text
_start:
    mov data(%rip), %eax            #: R data:4

    # mmap: 3 pages, read and write, private, anonymous, fixed
    mov $9, %eax                    #:
    mov $0x500000, %edi             #:
    mov $0x3000, %esi               #:
    mov $3, %edx                    #:
    mov $0x32, %r10d                #:
    mov $-1, %r8                    #:
    xor %r9d, %r9d                  #:
    syscall                         #: unmap 0x500000 0x3000 ; map 0x500000 0x3000 rw-
    mov %eax, 0x501000              #: W 0x501000:4

    # mprotect: the page in the middle, read only
    mov $10, %eax                   #:
    mov $0x501000, %edi             #:
    mov $0x1000, %esi               #:
    mov $1, %edx                    #:
    syscall                         #: protect 0x501000 0x1000 r--
    mov 0x501000, %eax              #: R 0x501000:4

    # madvise: DONTNEED, FREE, COLD; WILLNEED says nothing of the present
    mov $28, %eax                   #:
    mov $0x500000, %edi             #:
    mov $0x2000, %esi               #:
    mov $4, %edx                    #:
    syscall                         #: discard 0x500000 0x2000
    mov $28, %eax                   #:
    mov $0x1000, %esi               #:
    mov $8, %edx                    #:
    syscall                         #: release 0x500000 0x1000
    mov $28, %eax                   #:
    mov $20, %edx                   #:
    syscall                         #: release 0x500000 0x1000
    mov $28, %eax                   #:
    mov $3, %edx                    #:
    syscall                         #:

    # a length that is not whole pages
    mov $11, %eax                   #:
    mov $0x502000, %edi             #:
    mov $0x11, %esi                 #:
    syscall                         #: unmap 0x502000 0x1000

    # mmap of a place that is only wished for, executable; what it gets is there
    mov $9, %eax                    #:
    mov $0x600000, %edi             #:
    mov $0x2000, %esi               #:
    mov $7, %edx                    #:
    mov $0x22, %r10d                #:
    mov $-1, %r8                    #:
    syscall                         #: map 0x600000 0x2000 rwx

    # mremap: in place smaller, larger; elsewhere, fixed
    mov $25, %eax                   #:
    mov $0x600000, %edi             #:
    mov $0x2000, %esi               #:
    mov $0x1000, %edx               #:
    xor %r10d, %r10d                #:
    syscall                         #: unmap 0x601000 0x1000
    mov $25, %eax                   #:
    mov $0x1000, %esi               #:
    mov $0x2000, %edx               #:
    syscall                         #: map 0x601000 0x1000 rw-
    mov $25, %eax                   #:
    mov $0x2000, %esi               #:
    mov $3, %r10d                   #:
    mov $0x700000, %r8d             #:
    syscall                         #: unmap 0x600000 0x2000 ; unmap 0x700000 0x2000 ; map 0x700000 0x2000 rw-
    mov %eax, 0x701ffc              #: W 0x701ffc:4

    # brk: where is it; three pages more; one less; to where it is
    mov $12, %eax                   #:
    xor %edi, %edi                  #:
    syscall                         #:
    mov %rax, %rbx                  #:
    lea 0x3000(%rbx), %rdi          #:
    mov $12, %eax                   #:
    syscall                         #: map _end 0x3000 rw- [heap]
    mov %al, -1(%rdi)               #: W _end+0x2fff:1
    lea 0x2000(%rbx), %rdi          #:
    mov $12, %eax                   #:
    syscall                         #: unmap _end+0x2000 0x1000
    mov $12, %eax                   #:
    syscall                         #:

    # what fails changes nothing: munmap of an odd address, mmap of nothing
    mov $11, %eax                   #:
    mov $0x500001, %edi             #:
    mov $0x1000, %esi               #:
    syscall                         #:
    mov $9, %eax                    #:
    mov $0x500000, %edi             #:
    xor %esi, %esi                  #:
    syscall                         #:
    mov $12, %eax                   #:
    mov $1, %edi                    #:
    syscall                         #:
    mov data(%rip), %eax            #: R data:4
    mov $60, %eax                   #:
    mov $7, %edi                    #:
    syscall                         #:
.data
data: .skip 4096
.bss
    .skip 4096
