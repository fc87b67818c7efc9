import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { X509Certificate, createPrivateKey } from "node:crypto";
import { SluiceError } from "sluice/errors";

/** Paths of PEM files. */
export interface TlsFiles {
  /** The certificate, and those between it and the root after it. */
  readonly cert: string;
  readonly key: string;
}

export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Both or neither. @throws SluiceError `option/invalid` naming the one that is missing */
export function parseTls(cert: string | undefined, key: string | undefined): TlsFiles | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined) throw wrong("SLUICE_TLS_CERT", "belongs to SLUICE_TLS_KEY, and is not set");
  if (key === undefined) throw wrong("SLUICE_TLS_KEY", "belongs to SLUICE_TLS_CERT, and is not set");
  return { cert, key };
}

/** @throws SluiceError `option/invalid` naming the file that is no good, or both where they do not belong together */
export function readCertificate(files: TlsFiles): Certificate {
  const cert = readPem("SLUICE_TLS_CERT", files.cert);
  const key = readPem("SLUICE_TLS_KEY", files.key);
  const leaf = parsed("SLUICE_TLS_CERT", files.cert, "a certificate", () => new X509Certificate(cert));
  const secret = parsed("SLUICE_TLS_KEY", files.key, "a private key without a password", () => createPrivateKey(key));
  if (!leaf.checkPrivateKey(secret)) {
    throw wrong("SLUICE_TLS_KEY", `${files.key} is not the key of the certificate in ${files.cert}`);
  }
  // What only OpenSSL knows (a key that is too short, say).
  parsed("SLUICE_TLS_CERT", files.cert, "usable with this key", () => createSecureContext({ cert, key }));
  return { cert, key };
}

function readPem(field: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    throw wrong(field, `${path} cannot be read (${code})`, cause);
  }
}

function parsed<T>(field: string, path: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw wrong(field, `${path} is not ${what}, in PEM`, cause);
  }
}

function wrong(field: string, message: string, cause?: unknown): SluiceError {
  return new SluiceError("option/invalid", `${field}: ${message}.`, { details: { field }, cause });
}
