/** How much slower than its developers' machines the hosts are. Every time limit counts so many times. */
export const timeScale: number = Number(process.env["NETKIT_TIME_SCALE"] ?? 1);

if (!(timeScale > 0))
  throw new Error(`NETKIT_TIME_SCALE is ${process.env["NETKIT_TIME_SCALE"]}: write a number above 0`);
