"""Names taken apart: `customerEmail2`, `CUST_EMAIL`, `billing.address.zip` become words one can reason about."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby

_BOUNDARY = re.compile(
    r"[^0-9A-Za-zÀ-ÿ]+|(?<=[a-zà-ÿ])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=\D)(?=\d)|(?<=\d)(?=\D)"
)

# Words written without a break, abbreviations, and the commonest words of other languages, in English words.
_SPELLED_OUT = {
    "firstname": "first name", "fname": "first name", "givenname": "first name", "forename": "first name",
    "lastname": "last name", "lname": "last name", "surname": "last name", "familyname": "last name",
    "middlename": "middle name", "fullname": "full name", "displayname": "display name", "username": "user name",
    "nickname": "nick name", "maidenname": "maiden name", "login": "user name", "realname": "real name",
    "emailaddress": "email", "mail": "email", "emails": "email", "telephone": "phone", "tel": "phone",
    "phonenumber": "phone number", "mobilephone": "mobile phone", "cellphone": "mobile phone", "cell": "mobile",
    "homephone": "home phone", "telefone": "phone", "telemovel": "phone", "telefon": "phone", "handy": "mobile",
    "zipcode": "postal code", "postcode": "postal code", "zip": "postal code", "postalcode": "postal code",
    "plz": "postal code", "cep": "postal code", "addr": "address", "adr": "address", "address": "address",
    "adresse": "address", "morada": "address", "direccion": "address", "endereco": "address", "streetaddress": "street",
    "strasse": "street", "straße": "street", "rua": "street", "calle": "street", "rue": "street",
    "dob": "birth date", "birthdate": "birth date", "birthday": "birth date", "dateofbirth": "birth date",
    "yob": "birth year", "birthyear": "birth year",
    "nome": "name", "nombre": "name", "nom": "name", "prenom": "first name", "vorname": "first name",
    "nachname": "last name", "apelido": "last name", "apellido": "last name", "apellidos": "last name",
    "correo": "email", "cidade": "city", "ciudad": "city", "ville": "city", "ort": "city", "stadt": "city",
    "pais": "country", "pays": "country", "land": "country", "ipaddress": "ip address", "ipaddr": "ip address",
    "macaddr": "mac address", "macaddress": "mac address", "useragent": "user agent", "ssn": "social security number",
    "nino": "national insurance number", "pwd": "password", "passwd": "password", "passphrase": "password",
    "cust": "customer", "usr": "user", "emp": "employee", "qty": "quantity", "amt": "amount", "desc": "description",
    "descr": "description", "nr": "number", "no": "number", "num": "number", "dt": "date", "nm": "name", "fl": "full",
    "creditcard": "credit card", "cardnumber": "card number", "ccnumber": "card number", "filename": "file name",
    "lat": "latitude", "lng": "longitude", "lon": "longitude",
    "latlng": "latitude longitude", "latlon": "latitude longitude", "latlong": "latitude longitude",
    "coord": "coordinate", "vat": "vat number", "nif": "tax number",
    "tin": "tax number", "cpf": "tax number", "imei": "imei number", "msisdn": "phone", "fax": "fax phone",
    "url": "url", "uri": "url", "website": "url", "homepage": "url", "sex": "gender", "lang": "language",
    "ctry": "country", "cmt": "comment", "msg": "message", "remarks": "remark",
}  # fmt: skip

_PLURALS = {
    "people": "person",
    "addresses": "address",
    "cities": "city",
    "countries": "country",
    "staff": "staff",
    "diagnoses": "diagnosis",
}
_NOT_PLURAL = ("ss", "us", "is", "news", "series", "sms", "gps")


@lru_cache(maxsize=65_536)
def words(name: str) -> tuple[str, ...]:
    """The lower-case words of an identifier, in order; singular, abbreviations spelled out, numbers left out."""
    found: list[str] = []
    for piece in _BOUNDARY.split(name):
        word = piece.lower()
        if word and not word.isdigit():
            found += _SPELLED_OUT.get(word, _SPELLED_OUT.get(singular(word), singular(word))).split()
    return tuple(word for word, _ in groupby(found))  # zip code: "postal code" "code"


def singular(word: str) -> str:
    """The singular of an English word, as far as table names go."""
    if word in _PLURALS:
        return _PLURALS[word]
    if len(word) < 4 or word.endswith(_NOT_PLURAL):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word.removesuffix("s")
