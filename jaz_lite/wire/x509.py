"""A self-signed certificate, made with whole numbers and SHA-256 only.

A site makes one P-256 key and one certificate for its whole life; trust comes from pinning, so nothing but a key, a
name and a signature is needed, and neither a compiled library nor an `openssl` command. The arithmetic takes no care
to hide its timing: it runs once, at `init`, on the machine that owns the key.

Source: SEC 1 and SEC 2 (P-256), RFC 5280 (certificate), RFC 5915 (private key), FIPS 186-5 (ECDSA).
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

Draw = Callable[[int], bytes]  # so many random bytes
Point = tuple[int, int]

FIELD = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
BASE: Point = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

# The kinds of DER values.
BOOLEAN, INTEGER, BITS, OCTETS, OBJECT, UTF8, UTC_TIME, LONG_TIME, SEQUENCE, SET = (
    0x01,
    0x02,
    0x03,
    0x04,
    0x06,
    0x0C,
    0x17,
    0x18,
    0x30,
    0x31,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A private key and its certificate as PEM text, and SHA-256 of the certificate's DER bytes: the pin."""

    key_pem: str
    cert_pem: str
    sha256: bytes


def self_signed(common_name: str, draw: Draw) -> Certificate:
    """Make a key and a certificate for it.

    Args:
        common_name: 1 to 64 characters.
        draw: gives cryptographically strong random bytes.

    Notes:
        Valid from 2000 to the end of 9999: an appliance without a clock battery must still connect, and a key is
        withdrawn by pinning another.
    """
    assert 1 <= len(common_name) <= 64
    secret = _draw_scalar(draw)
    public = _multiply(secret, BASE)
    point = b"\x04" + public[0].to_bytes(32, "big") + public[1].to_bytes(32, "big")
    body = _certificate_body(common_name, point, draw(16))
    certificate = _der(SEQUENCE, body, _ALGORITHM, _bits(_sign(secret, body, draw)))
    key = _der(
        SEQUENCE,
        _integer(1),
        _der(OCTETS, secret.to_bytes(32, "big")),
        _der(0xA0, _CURVE),
        _der(0xA1, _bits(point)),
    )
    return Certificate(
        key_pem=_pem("EC PRIVATE KEY", key),
        cert_pem=_pem("CERTIFICATE", certificate),
        sha256=hashlib.sha256(certificate).digest(),
    )


def der_of(cert_pem: str) -> bytes:
    """Return the DER bytes of the first certificate in PEM text.

    Raises:
        ValueError: there is none.
    """
    _, begin, rest = cert_pem.partition("-----BEGIN CERTIFICATE-----")
    body, end, _ = rest.partition("-----END CERTIFICATE-----")
    if not (begin and end):
        raise ValueError("no certificate in this text")
    return base64.b64decode("".join(body.split()), validate=True)


# ---- the curve: y² = x³ - 3x + b over FIELD; points with a divisor (x/z², y/z³), so that one inversion is enough


def _multiply(scalar: int, point: Point) -> Point:
    total = (0, 1, 0)
    for bit in bin(scalar)[2:]:
        total = _double(total)
        if bit == "1":
            total = _add(total, point)
    x, y, z = total
    assert z, "a scalar below the order never gives the point at infinity"
    inverse = pow(z, -1, FIELD)
    return x * inverse**2 % FIELD, y * inverse**3 % FIELD


def _double(point: tuple[int, int, int]) -> tuple[int, int, int]:
    x, y, z = point
    square = y * y % FIELD
    middle = 4 * x * square % FIELD
    slope = 3 * (x - z * z) * (x + z * z) % FIELD
    new_x = (slope * slope - 2 * middle) % FIELD
    return new_x, (slope * (middle - new_x) - 8 * square * square) % FIELD, 2 * y * z % FIELD


def _add(point: tuple[int, int, int], other: Point) -> tuple[int, int, int]:
    x, y, z = point
    if not z:
        return other[0], other[1], 1
    square = z * z % FIELD
    width = (other[0] * square - x) % FIELD
    height = (other[1] * square * z - y) % FIELD
    if not width:
        return (0, 1, 0) if height else _double(point)
    width_2 = width * width % FIELD
    width_3 = width_2 * width % FIELD
    middle = x * width_2 % FIELD
    new_x = (height * height - width_3 - 2 * middle) % FIELD
    return new_x, (height * (middle - new_x) - y * width_3) % FIELD, z * width % FIELD


def _draw_scalar(draw: Draw) -> int:
    # 64 bits more than needed make the remainder even over the whole range (FIPS 186-5, A.2.1).
    return int.from_bytes(draw(40), "big") % (ORDER - 1) + 1


def _sign(secret: int, message: bytes, draw: Draw) -> bytes:
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    while True:
        once = _draw_scalar(draw)
        r = _multiply(once, BASE)[0] % ORDER
        s = pow(once, -1, ORDER) * (digest + r * secret) % ORDER
        if r and s:
            return _der(SEQUENCE, _integer(r), _integer(s))


# ---- DER


def _der(kind: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes((kind, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((kind, 0x80 | len(size))) + size + content


def _integer(number: int) -> bytes:
    return _der(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _bits(content: bytes, unused: int = 0) -> bytes:
    return _der(BITS, bytes((unused,)), content)


def _object(content: str) -> bytes:
    return _der(OBJECT, bytes.fromhex(content))


_CURVE = _object("2a8648ce3d030107")  # prime256v1
_KEY_KIND = _object("2a8648ce3d0201")  # ecPublicKey
_ALGORITHM = _der(SEQUENCE, _object("2a8648ce3d040302"))  # ecdsa-with-SHA256
_COMMON_NAME = _object("550403")
_TRUE = _der(BOOLEAN, b"\xff")


def _certificate_body(common_name: str, point: bytes, serial: bytes) -> bytes:
    name = _der(SEQUENCE, _der(SET, _der(SEQUENCE, _COMMON_NAME, _der(UTF8, common_name.encode()))))
    key_id = _der(OCTETS, hashlib.sha256(point).digest()[:20])
    extensions = _der(
        SEQUENCE,
        # It signs itself, so it is its own authority: strict verifiers want all three of these said.
        _der(SEQUENCE, _object("551d13"), _TRUE, _der(OCTETS, _der(SEQUENCE, _TRUE))),
        _der(SEQUENCE, _object("551d0f"), _TRUE, _der(OCTETS, _bits(b"\x84", 2))),  # digitalSignature, keyCertSign
        _der(SEQUENCE, _object("551d0e"), _der(OCTETS, key_id)),
    )
    return _der(
        SEQUENCE,
        _der(0xA0, _integer(2)),
        _integer(int.from_bytes(serial, "big") >> 8 | 1 << 119),
        _ALGORITHM,
        name,
        _der(SEQUENCE, _der(UTC_TIME, b"000101000000Z"), _der(LONG_TIME, b"99991231235959Z")),
        name,
        _der(SEQUENCE, _der(SEQUENCE, _KEY_KIND, _CURVE), _bits(point)),
        _der(0xA3, extensions),
    )


def _pem(label: str, der: bytes) -> str:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n"
