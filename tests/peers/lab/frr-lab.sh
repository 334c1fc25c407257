#!/bin/bash
# Real FRR routers for the tests: r1..r4 in network and UTS namespaces of their own, in a ring
# of veth links, each speaking BGP with both neighbours, each behind a real OpenSSH server.
#
#   frr-lab.sh up | down            all four
#   frr-lab.sh start I | kill I     one router: (again) from its saved configuration; hard crash
#   frr-lab.sh rekey I              a new host key for router I (as if replaced)
#   frr-lab.sh vtysh I COMMAND...   as a person on the router would
#
# Router I answers ssh on 127.0.1.I: port 2222 is a vtysh login, port 2223 a shell login.
# User netops, password in $LAB/password, key $LAB/id_ed25519, host keys in $LAB/known_hosts.
# Needs root and Debian's frr, frr-pythontools, openssh-server, iproute2. Everything stays on
# loopback and in the namespaces made here.
set -eu
export LAB=${LAB:-/var/tmp/netkeel-lab}
USER_NAME=netops
ROUTERS="1 2 3 4"
ME=$(readlink -f "$0")

# The ring: router I has links to the next and to the one before.
next() { echo $(( $1 % 4 + 1 )); }
before() { echo $(( ($1 + 2) % 4 + 1 )); }

config_of() { # the configuration a router boots with the first time
  local i=$1 n p
  n=$(next "$i"); p=$(before "$i")
  cat <<C
frr version 8.4.4
frr defaults traditional
hostname r$i
log syslog informational
service integrated-vtysh-config
!
ip prefix-list OWN seq 5 permit 10.255.0.$i/32
!
route-map OUT permit 10
 match ip address prefix-list OWN
 set metric 100
exit
!
route-map OUT permit 20
 set community 65000:$i
exit
!
interface lo
 description router $i
 ip address 10.255.0.$i/32
exit
!
interface to$n
 ip address 10.0.$i.1/30
exit
!
interface to$p
 ip address 10.0.$p.2/30
exit
!
router bgp 6500$i
 bgp router-id 10.255.0.$i
 no bgp ebgp-requires-policy
 timers bgp 1 3
 neighbor 10.0.$i.2 remote-as 6500$n
 neighbor 10.0.$i.2 description to r$n
 neighbor 10.0.$i.2 timers connect 1
 neighbor 10.0.$p.1 remote-as 6500$p
 neighbor 10.0.$p.1 description to r$p
 neighbor 10.0.$p.1 timers connect 1
 !
 address-family ipv4 unicast
  network 10.255.0.$i/32
  neighbor 10.0.$i.2 route-map OUT out
  neighbor 10.0.$p.1 route-map OUT out
 exit-address-family
exit
!
line vty
!
end
C
}

links() {
  local i n
  for i in $ROUTERS; do
    n=$(next "$i")
    ip link add "to$n" netns "nk-r$i" type veth peer name "to$i" netns "nk-r$n"
    ip -n "nk-r$i" link set "to$n" up
    ip -n "nk-r$n" link set "to$i" up
  done
}

daemons() { # starts FRR for router I from /etc/frr/nk-rI/frr.conf
  local i=$1 ns=nk-r$1 dir=$LAB/r$1 d
  for d in zebra staticd bgpd; do
    nsenter --uts="$dir/uts" --net="/run/netns/$ns" /usr/lib/frr/$d -N "$ns" -d -A 127.0.0.1 \
      -F traditional --log "file:$dir/$d.log" >>"$dir/start.log" 2>&1
  done
  nsenter --uts="$dir/uts" vtysh -N "$ns" -b >>"$dir/start.log" 2>&1 || true
}

server() {
  local i=$1 dir=$LAB/r$1
  /usr/sbin/sshd -f "$dir/sshd_config" -E "$dir/sshd.log"
}

make() { # everything of router I but its links and processes
  local i=$1 ns=nk-r$1 dir=$LAB/r$1
  # a router of one's own is a host of its own, with a folder of its own for what is temporary
  mkdir -p "$dir/bin" "$dir/tmp"; chmod 755 "$dir" "$dir/bin"; chmod 1777 "$dir/tmp"; chown frr:frr "$dir"
  install -d -o frr -g frrvty -m 2775 "/etc/frr/$ns"
  install -d -o frr -g frr -m 0755 "/var/run/frr/$ns"
  config_of "$i" > "/etc/frr/$ns/frr.conf"
  printf 'service integrated-vtysh-config\nhostname r%s\n' "$i" > "/etc/frr/$ns/vtysh.conf"
  chown frr:frrvty /etc/frr/"$ns"/*.conf; chmod 664 /etc/frr/"$ns"/*.conf
  ip netns add "$ns"; ip -n "$ns" link set lo up
  : > "$dir/uts"; unshare --uts="$dir/uts" hostname "r$i"
  # on a router of one's own `vtysh` is just vtysh; here it must find its own instance
  printf '#!/bin/sh\nexec /usr/bin/vtysh -N %s "$@"\n' "$ns" > "$dir/bin/vtysh"
  cat > "$dir/login" <<S
#!/bin/sh
[ -n "\$SSH_ORIGINAL_COMMAND" ] && exec $dir/bin/vtysh -c "\$SSH_ORIGINAL_COMMAND"
exec $dir/bin/vtysh
S
  chmod 755 "$dir/bin/vtysh" "$dir/login"
  ssh-keygen -q -t ed25519 -N '' -C "r$i" -f "$dir/hostkey"
  cat > "$dir/sshd_config" <<C
ListenAddress 127.0.1.$i:2222
ListenAddress 127.0.1.$i:2223
HostKey $dir/hostkey
PidFile $dir/sshd.pid
UsePAM no
PasswordAuthentication yes
KbdInteractiveAuthentication no
AuthorizedKeysFile $LAB/authorized_keys
StrictModes no
AllowUsers $USER_NAME
PrintMotd no
PrintLastLog no
UseDNS no
MaxStartups 100:30:200
SetEnv PATH=$dir/bin:/usr/bin:/bin TMPDIR=$dir/tmp
Subsystem sftp internal-sftp
Match LocalPort 2222
  ForceCommand $dir/login
  AllowTcpForwarding no
C
}

known_hosts() {
  local i
  for i in $ROUTERS; do
    for port in 2222 2223; do
      echo "[127.0.1.$i]:$port $(cut -d' ' -f1,2 "$LAB/r$i/hostkey.pub")"
    done
  done > "$LAB/known_hosts"
}

pids() { cat "/var/run/frr/nk-r$1"/*.pid "$LAB/r$1/sshd.pid" 2>/dev/null || true; }

children() { # process ids of all that a process started
  local c
  for c in $(pgrep -P "$1" || true); do echo "$c"; children "$c"; done
}

stop() { # waits until the processes of router I are gone
  local p ps
  ps=$(pids "$1")
  # the sshd of each session outlives the listener: it goes too
  ps="$ps $(children "$(cat "$LAB/r$1/sshd.pid" 2>/dev/null || echo 0)")"
  for p in $ps; do kill "$2" "$p" 2>/dev/null || true; done
  for p in $ps; do
    for _ in $(seq 200); do kill -0 "$p" 2>/dev/null || break; sleep 0.02; done
  done
  rm -f "/var/run/frr/nk-r$1"/*.pid "/var/run/frr/nk-r$1"/*.vty "/var/run/frr/nk-r$1"/*.api
}

case ${1:-} in
  up)
    [ -d "$LAB" ] && "$ME" down
    mkdir -p "$LAB" /run/sshd; chmod 755 "$LAB" /etc/frr
    id $USER_NAME >/dev/null 2>&1 || useradd -m -s /bin/sh -G frrvty $USER_NAME
    head -c 12 /dev/urandom | base64 > "$LAB/password"
    echo "$USER_NAME:$(cat "$LAB/password")" | chpasswd
    chmod 600 "$LAB/password"
    ssh-keygen -q -t ed25519 -N '' -f "$LAB/id_ed25519"
    cp "$LAB/id_ed25519.pub" "$LAB/authorized_keys"; chmod 644 "$LAB/authorized_keys"
    for i in $ROUTERS; do make "$i"; done
    known_hosts
    links
    for i in $ROUTERS; do daemons "$i"; server "$i"; done
    ;;
  down)
    for i in $ROUTERS; do
      [ -d "$LAB/r$i" ] || continue
      stop "$i" -TERM
      while umount "$LAB/r$i/uts" 2>/dev/null; do :; done
      ip netns del "nk-r$i" 2>/dev/null || true
      rm -rf "/etc/frr/nk-r$i" "/var/run/frr/nk-r$i"
    done
    rm -rf "$LAB"
    ;;
  kill) stop "$2" -KILL ;;
  start) daemons "$2"; server "$2" ;;
  rekey)
    rm -f "$LAB/r$2/hostkey" "$LAB/r$2/hostkey.pub"
    ssh-keygen -q -t ed25519 -N '' -C "r$2" -f "$LAB/r$2/hostkey"
    kill -HUP "$(cat "$LAB/r$2/sshd.pid")"
    ;;
  vtysh)
    i=$2; shift 2
    args=(); for c in "$@"; do args+=(-c "$c"); done
    exec vtysh -N "nk-r$i" "${args[@]}"
    ;;
  *) sed -n '2,14p' "$0"; exit 2 ;;
esac
