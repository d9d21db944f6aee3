/**
 * DNS messages (RFC 1035 §4) as DNS over HTTPS carries them (RFC 8484): the question for the addresses of a name, and the addresses in an
 * answer. An answer is somebody else's bytes: what is in it is counted, and nothing is followed. Pure: it asks nobody.
 */
import { DNS_RECORDS_MAX } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";

/** The types of the records that hold addresses. RFC 1035 §3.2.2, RFC 3596 §2.1. */
const TYPES = { A: 1, AAAA: 28 } as const;
export type AddressType = keyof typeof TYPES;

const CLASS_IN = 1;
const HEADER_BYTES = 12;
/** Type, class, time to live and length: what stands between the name of a record and its data. */
const RECORD_FIXED_BYTES = 10;
/** RFC 1035 §2.3.4. */
const LABEL_BYTES_MAX = 63;
const NAME_BYTES_MAX = 255;
/** Flags of the header, RFC 1035 §4.1.1. */
const IS_ANSWER = 0x80_00;
const OPCODE = 0x78_00;
const IS_TRUNCATED = 0x02_00;
const RECURSION_DESIRED = 0x01_00;
const RESPONSE_CODE = 0x00_0f;
const NO_ERROR = 0;
/** The name does not exist: no error of the resolver, and no address. */
const NAME_ERROR = 3;

const CUT_SHORT = err("its answer is cut short");

/**
 * The question for addresses of one type, with the id 0 that RFC 8484 §4.1 advises. The name is as the URL parser writes it, without a
 * dot at its end. Null when DNS cannot carry it: then it has no address.
 */
export function encodeQuestion(name: string, type: AddressType): Uint8Array<ArrayBuffer> | null {
  const labels = name.split(".").map((label) => new TextEncoder().encode(label));
  const nameBytes = labels.reduce((sum, { length }) => sum + 1 + length, 1);
  if (nameBytes > NAME_BYTES_MAX || labels.some(({ length }) => length === 0 || length > LABEL_BYTES_MAX)) return null;
  const message = new Uint8Array(HEADER_BYTES + nameBytes + 4);
  const view = new DataView(message.buffer);
  view.setUint16(2, RECURSION_DESIRED);
  view.setUint16(4, 1);
  let at = HEADER_BYTES;
  for (const label of labels) {
    message[at] = label.length;
    message.set(label, at + 1);
    at += 1 + label.length;
  }
  // The root, a label without bytes, is there already.
  view.setUint16(at + 1, TYPES[type]);
  view.setUint16(at + 3, CLASS_IN);
  return message;
}

/**
 * Every address in the answer section, as text that `addressRefusal` reads: a chain of aliases stands there with its end, so whose address
 * one is does not matter. None when the name or the type does not exist. An error is to be read after the resolver it came from.
 */
export function decodeAnswer(answer: Uint8Array, question: Uint8Array): Result<readonly string[], string> {
  if (answer.length < HEADER_BYTES) return CUT_SHORT;
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  const flags = view.getUint16(2);
  const code = flags & RESPONSE_CODE;
  if ((flags & IS_ANSWER) === 0) return err("it sent back no answer");
  if (code !== NO_ERROR && code !== NAME_ERROR) return err(`its answer has the response code ${code}`);
  // Over HTTPS there is no reason to truncate, and what is left out may be the address that matters.
  if ((flags & IS_TRUNCATED) !== 0) return err("its answer is truncated");
  if ((flags & OPCODE) !== 0 || !repeats(answer, question)) return err("it answered another question");
  const records = view.getUint16(6);
  if (records > DNS_RECORDS_MAX) return err(`its answer has more than ${DNS_RECORDS_MAX} records`);

  const addresses: string[] = [];
  let start = question.length;
  for (let index = 0; index < records; index++) {
    const named = endOfName(answer, start);
    if (!named.ok) return named;
    const from = named.value + RECORD_FIXED_BYTES;
    if (from > answer.length) return CUT_SHORT;
    start = from + view.getUint16(from - 2);
    if (start > answer.length) return CUT_SHORT;
    const type = view.getUint16(named.value);
    if (type !== TYPES.A && type !== TYPES.AAAA) continue;
    const address = addressOf(answer.subarray(from, start), type);
    if (address === null) return err("its answer has an address of a wrong length");
    addresses.push(address);
  }
  return ok(addresses);
}

/** Whether the answer repeats the question, with its id. Of letters the case does not count; every other byte of it is lower than them. */
function repeats(answer: Uint8Array, question: Uint8Array): boolean {
  const [idHigh, idLow, , , countHigh, countLow] = answer;
  if (idHigh !== 0 || idLow !== 0 || countHigh !== 0 || countLow !== 1) return false;
  return question.every((byte, index) => index < HEADER_BYTES || lower(byte) === lower(answer[index] ?? 0xff));
}

const lower = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);

/**
 * Where the name that begins there ends. It is passed over, not read: a pointer (RFC 1035 §4.1.4) is the end of it, and must lead to what
 * came before this name, so that no chain of them can be a circle.
 */
function endOfName(bytes: Uint8Array, start: number): Result<number, string> {
  for (let at = start; at - start < NAME_BYTES_MAX;) {
    const length = bytes[at];
    if (length === undefined) return CUT_SHORT;
    if (length === 0) return ok(at + 1);
    if (length >= 0xc0) {
      const low = bytes[at + 1];
      if (low === undefined) return CUT_SHORT;
      const target = ((length & 0x3f) << 8) | low;
      return target >= HEADER_BYTES && target < start
        ? ok(at + 2)
        : err("its answer has a name that points ahead or to itself");
    }
    if (length > LABEL_BYTES_MAX) return err("its answer has a label of an unknown kind");
    at += 1 + length;
  }
  return err(`its answer has a name of more than ${NAME_BYTES_MAX} bytes`);
}

function addressOf(data: Uint8Array, type: number): string | null {
  if (type === TYPES.A) return data.length === 4 ? data.join(".") : null;
  if (data.length !== 16) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: 8 }, (_, group) => view.getUint16(2 * group).toString(16)).join(":");
}
