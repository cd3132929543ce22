import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Files in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority in a directory, and what it signs for 127.0.0.1. Needs openssl. */
export interface Authority {
  readonly ca: string;
  /** Of a server at 127.0.0.1, or a client of that name. */
  sign(name: string): Certificate;
}

export function makeAuthority(directory: string): Authority {
  const openssl = (...words: string[]): void => {
    execFileSync("openssl", words, { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
  };
  const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split(" ");
  openssl(
    "req",
    "-x509",
    ...newKey,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-days",
    "2",
    "-subj",
    "/CN=test authority",
  );
  const uses = "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n";
  writeFileSync(join(directory, "uses"), uses);
  return {
    ca: join(directory, "ca.pem"),
    sign(name) {
      openssl("req", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
      const issuer = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile uses".split(" ");
      openssl("x509", "-req", "-in", `${name}.csr`, ...issuer, "-out", `${name}.pem`);
      return { cert: join(directory, `${name}.pem`), key: join(directory, `${name}.key`) };
    },
  };
}
