/** Docker's, as its own command finds it; of one that is elsewhere than on a Unix socket nothing is learnt. */
export function dockerSocket(): string {
  return /^unix:\/\/(\/.+)$/.exec(process.env["DOCKER_HOST"] ?? "")?.[1] ?? "/run/docker.sock";
}
