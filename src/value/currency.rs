//! ISO 4217: the codes and their minor units.

/// Active codes of 2026-01-01 by their number of minor units.
const ACTIVE: [(u8, &str); 5] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW \
         CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF \
         IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK \
         MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP \
         SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG \
         YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
    (NONE, "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX"),
];

/// Withdrawn codes that old transactions still carry.
const WITHDRAWN: [(u8, &str); 2] =
    [(0, "BYR"), (2, "ANG BGN CUC CYP EEK HRK LTL LVL MRO MTL SIT SKK SLL STD VEF ZMK ZWL")];

/// Stands for "no minor units".
const NONE: u8 = u8::MAX;

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    code: [u8; 3],
    minor_units: u8,
}

impl Currency {
    /// The currency with that code, in any case. Withdrawn ones are known where old transactions carry them.
    pub fn parse(code: &str) -> Option<Currency> {
        let code: [u8; 3] = code.as_bytes().to_ascii_uppercase().try_into().ok()?;
        ACTIVE.iter().chain(&WITHDRAWN).find_map(|(minor_units, codes)| {
            let known = codes.split_ascii_whitespace().any(|known| known.as_bytes() == code);
            known.then_some(Currency { code, minor_units: *minor_units })
        })
    }

    /// The code in upper case.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or_default()
    }

    /// Decimals of its smallest unit; `None` for gold, funds and the like, which have none.
    pub fn minor_units(&self) -> Option<u32> {
        (self.minor_units != NONE).then_some(u32::from(self.minor_units))
    }

    /// All active codes, for suggestions.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        ACTIVE.iter().flat_map(|(_, codes)| codes.split_ascii_whitespace())
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::fmt::Debug for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}
