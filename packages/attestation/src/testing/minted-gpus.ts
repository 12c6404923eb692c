import { concatBytes, parseHex, toBase64, utf8 } from "@bauta/protocol";
import { writeElement, writeUnsigned } from "../nvidia/der-writer.ts";
import { createCertId } from "../nvidia/ocsp-request.ts";
import { parseP384Certificate } from "../nvidia/p384-certificate.ts";

const FOR_GOOD = "99991231235959Z";
export const FWID = new Uint8Array(48).fill(0xf1);
const [SEQUENCE, SET, OID, OCTETS, BITS, UTF8, TIME, BOOLEAN, ENUMERATED] = [0x30, 0x31, 0x06, 0x04, 0x03, 0x0c, 0x18, 0x01, 0x0a];
const seq = (...members: readonly Uint8Array[]) => writeElement(SEQUENCE, ...members);
const oid = (hex: string) => writeElement(OID, parseHex(hex, 32) ?? new Uint8Array());
const octets = (...contents: readonly Uint8Array[]) => writeElement(OCTETS, ...contents);
const bits = (bytes: Uint8Array) => writeElement(BITS, Uint8Array.of(0), bytes);
const time = (text: string) => writeElement(TIME, utf8(text));
const ALGORITHM = seq(oid("2a8648ce3d040303"));
const nameOf = (commonName: string) => seq(writeElement(SET, seq(oid("550403"), writeElement(UTF8, utf8(commonName)))));
const keyInfo = (point: Uint8Array) => seq(seq(oid("2a8648ce3d0201"), oid("2b81040022")), bits(point));
const le = (value: number, bytes: number) => Uint8Array.from({ length: bytes }, (_, index) => Math.floor(value / 256 ** index) % 256);

export interface MintedKey {
  readonly keys: CryptoKeyPair;
  readonly point: Uint8Array;
}

export async function mintKey(): Promise<MintedKey> {
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-384" }, true, ["sign", "verify"]);
  return { keys, point: new Uint8Array(await crypto.subtle.exportKey("raw", keys.publicKey)) };
}

async function signRaw({ keys }: MintedKey, message: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-384" }, keys.privateKey, message));
}

async function signDer(key: MintedKey, message: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const raw = await signRaw(key, message);
  return seq(writeUnsigned(raw.subarray(0, 48)), writeUnsigned(raw.subarray(48)));
}

export interface MintedCertificate extends MintedKey {
  readonly name: string;
  readonly der: Uint8Array<ArrayBuffer>;
}

/** What a certificate says; a CA for certificates unless this says otherwise. */
export interface CertificateContents {
  readonly name: string;
  readonly ca?: boolean;
  /** First byte of the key usage. */
  readonly usage?: number;
  readonly pathLength?: number;
  readonly from?: string;
  readonly until?: string;
  readonly serial?: Uint8Array;
  readonly extensions?: readonly Uint8Array[];
  readonly key?: MintedKey;
  /** Signs it in its issuer's name. */
  readonly signer?: MintedKey;
  readonly issuerName?: string;
}

let serials = 0;

export async function mintCertificate(contents: CertificateContents, issuer?: MintedCertificate): Promise<MintedCertificate> {
  const { name, ca = true, usage = ca ? 0x06 : 0x80, pathLength, from = "20200101000000Z", until = FOR_GOOD, extensions = [] } = contents;
  const key = contents.key ?? (await mintKey());
  const critical = writeElement(BOOLEAN, Uint8Array.of(0xff));
  const constraints = seq(critical, ...(pathLength === undefined ? [] : [writeUnsigned(Uint8Array.of(pathLength))]));
  const list = [
    ...(ca ? [seq(oid("551d13"), critical, octets(constraints))] : []),
    seq(oid("551d0f"), critical, octets(writeElement(BITS, Uint8Array.of(0, usage)))),
    ...extensions,
  ];
  const tbs = seq(
    writeElement(0xa0, writeUnsigned(Uint8Array.of(2))),
    writeUnsigned(contents.serial ?? Uint8Array.of(0x41, ++serials)),
    ALGORITHM,
    nameOf(contents.issuerName ?? issuer?.name ?? name),
    seq(time(from), time(until)),
    nameOf(name),
    keyInfo(key.point),
    writeElement(0xa3, seq(...list)),
  );
  const der = seq(tbs, ALGORITHM, bits(await signDer(contents.signer ?? issuer ?? key, tbs)));
  return { ...key, name, der };
}

/** The DICE extension in Hopper's form. */
export function compositeDeviceId(point: Uint8Array, fwid: Uint8Array = FWID): Uint8Array {
  const digest = seq(oid("608648016503040202"), octets(fwid));
  return seq(oid("678105050401"), octets(seq(writeUnsigned(Uint8Array.of(1)), keyInfo(point), digest)));
}

/** The DICE extension in Blackwell's form. */
export function tcbInfo(flags: number, ...fwids: readonly Uint8Array[]): Uint8Array {
  const digests = fwids.map((fwid) => seq(oid("608648016503040202"), octets(fwid)));
  const members = [
    writeElement(0x80, utf8("NVIDIA")),
    writeElement(0xa6, ...digests),
    writeElement(0x87, Uint8Array.of(0, flags, 0, 0, 1)),
  ];
  return seq(oid("67810505040101"), octets(seq(...members)));
}

export interface MintedReport {
  readonly nonce: Uint8Array;
  readonly blocks?: readonly { readonly index: number; readonly value: Uint8Array }[];
  readonly opaque?: readonly (readonly [type: number, value: Uint8Array])[];
}

export const HOPPER_OPAQUE: readonly (readonly [number, Uint8Array])[] = [
  [3, utf8("570.0.1\0")],
  [6, Uint8Array.of(0x00, 0x5e, 0x00, 0x96, 0x01, 0, 0, 0)],
  [11, Uint8Array.of(0x55)],
  [15, utf8("882\0")],
  [17, utf8("1010\0")],
  [18, utf8("0200\0")],
  [20, FWID],
  [36, Uint8Array.of(1, 0)],
];

/** Everything before the signature. */
export function writeReport({
  nonce,
  blocks = [{ index: 1, value: new Uint8Array(48) }],
  opaque = HOPPER_OPAQUE,
}: MintedReport): Uint8Array<ArrayBuffer> {
  const record = concatBytes(
    ...blocks.map(({ index, value }) =>
      concatBytes(Uint8Array.of(index, 1), le(value.length + 3, 2), Uint8Array.of(1), le(value.length, 2), value),
    ),
  );
  const fields = concatBytes(...opaque.map(([type, value]) => concatBytes(le(type, 2), le(value.length, 2), value)));
  return concatBytes(
    Uint8Array.of(0x11, 0xe0, 0x01, 0xff),
    nonce,
    Uint8Array.of(0, 0x11, 0x60, 0, 0, blocks.length),
    le(record.length, 3),
    record,
    new Uint8Array(32).fill(7),
    le(fields.length, 2),
    fields,
  );
}

export type DeviceRole = "leaf" | "device" | "provisioner" | "family" | "root";

/** What one device says that it should not. */
export interface DeviceChanges extends Partial<Readonly<Record<DeviceRole, Partial<CertificateContents>>>> {
  readonly chip?: string;
  readonly arch?: string;
  readonly dice?: Uint8Array | null;
  readonly opaque?: MintedReport["opaque"];
  readonly blocks?: MintedReport["blocks"];
  readonly nonce?: Uint8Array;
  readonly signer?: MintedKey;
}

export interface MintedDevice {
  /** In the order leaf, device, provisioner, family, root. */
  readonly chain: readonly MintedCertificate[];
  readonly entry: { readonly arch: string; readonly certificate: string; readonly evidence: string };
}

/** Devices under a root of their own that share all certificates but their own two. */
export interface GpuMint {
  readonly root: MintedCertificate;
  device(nonce: Uint8Array, changes?: DeviceChanges): Promise<MintedDevice>;
}

export async function createGpuMint(): Promise<GpuMint> {
  const root = await mintCertificate({ name: "NVIDIA Device Identity CA" });
  const family = await mintCertificate({ name: "NVIDIA GH100 Identity" }, root);
  const provisioners = new Map<string, MintedCertificate>();
  return {
    root,
    async device(nonce, changes = {}) {
      const { chip = "GH100", arch = chip === "LS_10" ? "LS10" : chip.startsWith("GB") ? "BLACKWELL" : "HOPPER" } = changes;
      const ownRoot = changes.root ? await mintCertificate({ name: root.name, key: root, ...changes.root }) : root;
      const ownFamily = changes.family || changes.root ? await mintCertificate({ name: family.name, ...changes.family }, ownRoot) : family;
      const named = { name: `NVIDIA ${chip} Provisioner ICA 1` };
      const shared = provisioners.get(chip) ?? (await mintCertificate(named, family));
      provisioners.set(chip, shared);
      const changed = changes.provisioner || ownFamily !== family;
      const provisioner = changed ? await mintCertificate({ ...named, ...changes.provisioner }, ownFamily) : shared;
      const device = await mintCertificate({ name: `${chip} A01 GSP BROM`, usage: 0x04, ...changes.device }, provisioner);
      const dice = changes.dice === undefined ? compositeDeviceId(device.point) : changes.dice;
      const contents = { name: `${chip} A01 GSP FMC LF`, ca: false, extensions: dice ? [dice] : [], ...changes.leaf };
      const leaf = await mintCertificate(contents, device);
      const chain = [leaf, device, provisioner, ownFamily, ownRoot];
      const { blocks, opaque } = changes;
      const signed = writeReport({ nonce: changes.nonce ?? nonce, ...(blocks && { blocks }), ...(opaque && { opaque }) });
      const report = concatBytes(signed, await signRaw(changes.signer ?? leaf, signed));
      return { chain, entry: { arch, certificate: toBase64(utf8(toPem(chain))), evidence: toBase64(report) } };
    },
  };
}

function toPem(chain: readonly { readonly der: Uint8Array }[]): string {
  return chain.map(({ der }) => `-----BEGIN CERTIFICATE-----\n${toBase64(der)}\n-----END CERTIFICATE-----\n`).join("");
}

/** An OCSP answer about one certificate by its issuer itself. @param status good, or revoked for this reason */
export async function mintOcspAnswer(
  cert: MintedCertificate,
  issuer: MintedCertificate,
  { reason, from = "20260101000000Z", until = "20261231000000Z" }: { reason?: number; from?: string; until?: string } = {},
): Promise<Uint8Array> {
  const id = await createCertId({ cert: parseP384Certificate(cert.der), issuer: parseP384Certificate(issuer.der) });
  const certId = seq(
    seq(oid("608648016503040202"), writeElement(0x05)),
    octets(id.issuerNameHash),
    octets(id.issuerKeyHash),
    writeUnsigned(parseHex(id.serial, 32) ?? new Uint8Array()),
  );
  const revoked = () => writeElement(0xa1, time(from), writeElement(0xa0, writeElement(ENUMERATED, Uint8Array.of(reason ?? 0))));
  const single = seq(certId, reason === undefined ? writeElement(0x80) : revoked(), time(from), writeElement(0xa0, time(until)));
  const tbs = seq(writeElement(0xa1, nameOf(issuer.name)), time(from), seq(single));
  const basic = seq(tbs, ALGORITHM, bits(await signDer(issuer, tbs)));
  const body = seq(oid("2b0601050507300101"), octets(basic));
  return seq(writeElement(ENUMERATED, Uint8Array.of(0)), writeElement(0xa0, body));
}
