/** How much slower this machine is than those that the suites are written on: every time limit counts so many times. */
export const timeScale: number = Number(process.env["NETKIT_TIME_SCALE"] ?? 1);

if (!(timeScale > 0))
  throw new Error(`NETKIT_TIME_SCALE is ${process.env["NETKIT_TIME_SCALE"]}: write a number above 0`);
