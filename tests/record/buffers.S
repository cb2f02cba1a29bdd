# buffers.S - system calls that read and write the program's memory: the kernel's references are
# marked as its own, once a page and a piece.
.globl _start
.text
_start:
    # pipe2 into fds; socketpair(AF_UNIX, SOCK_DGRAM) into sockets
    mov $293, %eax                  #:
    lea fds(%rip), %rdi             #:
    xor %esi, %esi                  #:
    syscall                         #:
    mov $53, %eax                   #:
    mov $1, %edi                    #:
    mov $2, %esi                    #:
    xor %edx, %edx                  #:
    lea sockets(%rip), %r10         #:
    syscall                         #:

    # write 10 bytes, read 6 of them; then all that is left, though more is asked for
    mov $1, %eax                    #:
    mov fds+4(%rip), %edi           #: R fds+4:4
    lea data(%rip), %rsi            #:
    mov $10, %edx                   #:
    syscall                         #: kernel R data:10
    xor %eax, %eax                  #:
    mov fds(%rip), %edi             #: R fds:4
    lea data+4093(%rip), %rsi       #:
    mov $6, %edx                    #:
    syscall                         #: kernel W data+4093:6
    xor %eax, %eax                  #:
    lea data+512(%rip), %rsi        #:
    mov $4000, %edx                 #:
    syscall                         #: kernel W data+512:4
    # nothing is read; and no such file
    xor %eax, %eax                  #:
    xor %edx, %edx                  #:
    syscall                         #:
    mov $1, %eax                    #:
    mov $999, %edi                  #:
    mov $10, %edx                   #:
    syscall                         #:

    # writev of two pieces; readv of three, whose last gets nothing
    mov $20, %eax                   #:
    mov fds+4(%rip), %edi           #: R fds+4:4
    lea out(%rip), %rsi             #:
    mov $2, %edx                    #:
    syscall                         #: kernel R data:8,data+8190:4
    mov $19, %eax                   #:
    mov fds(%rip), %edi             #: R fds:4
    lea in(%rip), %rsi              #:
    mov $3, %edx                    #:
    syscall                         #: kernel W data+4096:5,data+600:7

    # sendto and recvfrom; sendmsg and recvmsg
    mov $44, %eax                   #:
    mov sockets(%rip), %edi         #: R sockets:4
    lea data+8000(%rip), %rsi       #:
    mov $300, %edx                  #:
    xor %r10d, %r10d                #:
    xor %r8d, %r8d                  #:
    xor %r9d, %r9d                  #:
    syscall                         #: kernel R data+8000:300
    mov $45, %eax                   #:
    mov sockets+4(%rip), %edi       #: R sockets+4:4
    lea data(%rip), %rsi            #:
    mov $1000, %edx                 #:
    syscall                         #: kernel W data:300
    mov $46, %eax                   #:
    mov sockets(%rip), %edi         #: R sockets:4
    lea message_out(%rip), %rsi     #:
    xor %edx, %edx                  #:
    syscall                         #: kernel R data:8,data+8190:4
    mov $47, %eax                   #:
    mov sockets+4(%rip), %edi       #: R sockets+4:4
    lea message_in(%rip), %rsi      #:
    syscall                         #: kernel W data+4096:5,data+600:7

    # sendmmsg and recvmmsg: two messages
    mov $307, %eax                  #:
    mov sockets(%rip), %edi         #: R sockets:4
    lea messages_out(%rip), %rsi    #:
    mov $2, %edx                    #:
    xor %r10d, %r10d                #:
    syscall                         #: kernel R data:8,data+8190:4,data:8,data+8190:4
    mov $299, %eax                  #:
    mov sockets+4(%rip), %edi       #: R sockets+4:4
    lea messages_in(%rip), %rsi     #:
    mov $2, %edx                    #:
    mov $0x40, %r10d                #:
    xor %r8d, %r8d                  #:
    syscall                         #: kernel W data+4096:5,data+600:7,data+4096:5,data+600:7

    # memfd_create; pwrite64, pread64, pwritev, preadv
    mov $319, %eax                  #:
    lea name(%rip), %rdi            #:
    xor %esi, %esi                  #:
    syscall                         #:
    mov %eax, %edi                  #:
    mov $18, %eax                   #:
    lea data+4000(%rip), %rsi       #:
    mov $200, %edx                  #:
    xor %r10d, %r10d                #:
    xor %r8d, %r8d                  #:
    syscall                         #: kernel R data+4000:200
    mov $17, %eax                   #:
    lea data+511(%rip), %rsi        #:
    mov $2, %edx                    #:
    syscall                         #: kernel W data+511:2
    mov $296, %eax                  #:
    lea out(%rip), %rsi             #:
    mov $2, %edx                    #:
    syscall                         #: kernel R data:8,data+8190:4
    mov $295, %eax                  #:
    lea in(%rip), %rsi              #:
    mov $2, %edx                    #:
    syscall                         #: kernel W data+4096:5,data+600:100

    # getrandom; getcwd; readlink and its kin are likewise
    mov $318, %eax                  #:
    lea data+5000(%rip), %rdi       #:
    mov $32, %esi                   #:
    xor %edx, %edx                  #:
    syscall                         #: kernel W data+5000:32
    mov $80, %eax                   #:
    lea root(%rip), %rdi            #:
    syscall                         #:
    mov $79, %eax                   #:
    lea data+4095(%rip), %rdi       #:
    mov $100, %esi                  #:
    syscall                         #: kernel W data+4095:2
    mov $60, %eax                   #:
    mov $7, %edi                    #:
    syscall                         #:
.data
data: .skip 12288
fds: .quad 0
sockets: .quad 0
out: .quad data, 8, data+8190, 4
in: .quad data+4096, 5, data+600, 100, data, 8
message_out: .quad 0, 0, out, 2, 0, 0, 0
message_in: .quad 0, 0, in, 3, 0, 0, 0
messages_out: .quad 0, 0, out, 2, 0, 0, 0, 0
    .quad 0, 0, out, 2, 0, 0, 0, 0
messages_in: .quad 0, 0, in, 3, 0, 0, 0, 0
    .quad 0, 0, in, 3, 0, 0, 0, 0
name: .asciz "x"
root: .asciz "/"
