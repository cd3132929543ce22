/** The smallest HTTP server: says hello, and to whom. `node server.ts PORT` */
import { createServer } from "node:http";

createServer((request, response) => response.end(`hello from netkit, ${request.socket.remoteAddress ?? ""}\n`)).listen(
  Number(process.argv[2]),
);
