#!/bin/bash
# Real Git servers for the tests, on 127.0.6.1, over one bare repository:
#
#   git-servers.sh up | down
#
#   ssh://git@127.0.6.1:2222/repos/net.git         OpenSSH and git-shell, key $GITLAB/id_ed25519
#   https://ci@127.0.6.1:8443/git/net.git          nginx and git-http-backend, token in $GITLAB/token,
#                                                  certificate authority in $GITLAB/ca.crt
# Needs root and Debian's openssh-server, nginx-light, fcgiwrap, git, openssl.
set -eu
export GITLAB=${GITLAB:-/var/tmp/netkeel-gitlab}
A=127.0.6.1

certificates() { # an authority, and a server certificate signed by it
  cd "$GITLAB"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.crt \
    -days 30 -subj "/CN=netkeel test authority" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout tls.key -out tls.csr \
    -subj "/CN=$A" 2>/dev/null
  printf 'subjectAltName=IP:%s\n' "$A" > san
  openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile san -out tls.crt 2>/dev/null
  chmod 644 ca.crt tls.crt
}

case ${1:-} in
up)
  [ -d "$GITLAB" ] && "$0" down
  mkdir -p "$GITLAB/repos" "$GITLAB/run" /run/sshd; chmod 755 "$GITLAB"
  gitshell=$(command -v git-shell || echo "$(git --exec-path)/git-shell")
  id netkeelgit >/dev/null 2>&1 || useradd -m -s "$gitshell" netkeelgit
  usermod -p '*' -s "$gitshell" netkeelgit
  git init -q --bare -b main "$GITLAB/repos/net.git"
  git -C "$GITLAB/repos/net.git" config http.receivepack true
  git config --system --get-all safe.directory 2>/dev/null | grep -qx "$GITLAB/repos/net.git" ||
    git config --system --add safe.directory "$GITLAB/repos/net.git"
  chown -R netkeelgit "$GITLAB/repos" "$GITLAB/run"
  for k in hostkey otherkey id_ed25519; do ssh-keygen -q -t ed25519 -N '' -C $k -f "$GITLAB/$k"; done
  cp "$GITLAB/id_ed25519.pub" "$GITLAB/authorized_keys"; chmod 644 "$GITLAB/authorized_keys"
  echo "[$A]:2222 $(cut -d' ' -f1,2 "$GITLAB/hostkey.pub")" > "$GITLAB/known_hosts"
  echo "[$A]:2222 $(cut -d' ' -f1,2 "$GITLAB/otherkey.pub")" > "$GITLAB/wrong_known_hosts"
  cat > "$GITLAB/sshd_config" <<C
ListenAddress $A:2222
HostKey $GITLAB/hostkey
PidFile $GITLAB/run/sshd.pid
UsePAM no
PasswordAuthentication no
AuthorizedKeysFile $GITLAB/authorized_keys
StrictModes no
AllowUsers netkeelgit
SetEnv PATH=$(dirname "$(command -v git)"):/usr/bin:/bin
C
  /usr/sbin/sshd -f "$GITLAB/sshd_config" -E "$GITLAB/run/sshd.log"
  head -c 18 /dev/urandom | base64 > "$GITLAB/token"; chmod 600 "$GITLAB/token"
  printf 'ci:%s\n' "$(openssl passwd -apr1 "$(cat "$GITLAB/token")")" > "$GITLAB/htpasswd"
  ( certificates )
  cat > "$GITLAB/nginx.conf" <<C
daemon on; pid $GITLAB/run/nginx.pid; error_log $GITLAB/run/nginx.err; user netkeelgit; worker_processes 1;
events { worker_connections 64; }
http {
  access_log off; client_max_body_size 0;
  client_body_temp_path $GITLAB/run/b; fastcgi_temp_path $GITLAB/run/f; proxy_temp_path $GITLAB/run/p;
  uwsgi_temp_path $GITLAB/run/u; scgi_temp_path $GITLAB/run/s;
  server {
    listen $A:8443 ssl; ssl_certificate $GITLAB/tls.crt; ssl_certificate_key $GITLAB/tls.key;
    location ~ ^/git(?<gp>/.*)\$ {
      auth_basic git; auth_basic_user_file $GITLAB/htpasswd;
      fastcgi_pass unix:$GITLAB/run/fcgi.sock;
      fastcgi_param SCRIPT_FILENAME $(git --exec-path)/git-http-backend;
      fastcgi_param GIT_PROJECT_ROOT $GITLAB/repos; fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param PATH_INFO \$gp; fastcgi_param REMOTE_USER \$remote_user; fastcgi_param HOME $GITLAB;
      fastcgi_param QUERY_STRING \$query_string; fastcgi_param REQUEST_METHOD \$request_method;
      fastcgi_param CONTENT_TYPE \$content_type; fastcgi_param CONTENT_LENGTH \$content_length;
      fastcgi_param HTTP_CONTENT_ENCODING \$http_content_encoding;
    } } }
C
  setsid setpriv --reuid netkeelgit --clear-groups fcgiwrap -c 2 -s "unix:$GITLAB/run/fcgi.sock" \
    >"$GITLAB/run/fcgi.log" 2>&1 </dev/null &
  echo $! > "$GITLAB/run/fcgiwrap.pid"
  for _ in $(seq 100); do [ -S "$GITLAB/run/fcgi.sock" ] && break; sleep 0.05; done
  nginx -c "$GITLAB/nginx.conf" -p "$GITLAB" -e "$GITLAB/run/nginx.err"
  ;;
down)
  kill -- "-$(cat "$GITLAB/run/fcgiwrap.pid")" 2>/dev/null || true
  for f in "$GITLAB"/run/*.pid; do kill "$(cat "$f")" 2>/dev/null || true; done
  git config --system --unset-all safe.directory "^$GITLAB/repos/net.git\$" 2>/dev/null || true
  rm -rf "$GITLAB"
  ;;
*) sed -n '2,11p' "$0"; exit 2 ;;
esac
