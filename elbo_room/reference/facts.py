"""All that is known of a reference beside its draws: log p(x), certificate, agreement. It travels as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from elbo_room.estimate import Estimate
from elbo_room.fit.learn import NOTHING, Learned
from elbo_room.reference.agreement import Agreement
from elbo_room.reference.certificate import Certificate, without
from elbo_room.reference.evidence import COARSE, Evidence
from elbo_room.reference.prediction import Prediction

TOO_FAR = 4.0
"""Standard errors that bridge sampling may be from an evidence that the model states."""


@dataclass(frozen=True)
class Facts:
    """All that is known of the draws that stand for the posterior of one model.

    Attributes:
        kind: "exact" or "nuts".
        evidence: log p(x) of the model. By bridge sampling it is estimated from the second reference,
            so that it is independent of what is averaged over the first.
        second_evidence: the same with the two references' parts exchanged.
        flat: sites with a flat prior; with any, `evidence` is only the unnormalised joint's integral.
        certificate: of the NUTS run, whichever kind the reference is.
        has_data: whether the model has any observed site, or factor; else the posterior is the prior.
        floors: what each metric of draws says of the second reference in a guide's place.
        refused: those of the attempts before it, in their order.
        nuts_evidence: what bridge sampling makes of the NUTS draws alone.
        agreement: with posteriordb, where the model names an entry and a clone is at hand.
        prediction: of the observed points; None where they cannot be scored one by one. `measure` adds it.
        learned: the values of the model's own parameters, for which all of this is.
    """

    kind: str
    evidence: Evidence
    second_evidence: Evidence
    flat: tuple[str, ...]
    certificate: Certificate
    nuts_evidence: Evidence
    agreement: Agreement | None
    learned: Learned = NOTHING
    refused: tuple[Certificate, ...] = ()
    has_data: bool = True
    floors: Mapping[str, float] = field(default_factory=dict)
    prediction: Prediction | None = None

    @property
    def log_evidence(self) -> Estimate:
        """log p(x) from both references: the mean of two estimates, and of their standard errors.

        They are averaged over different draws, and are yet not independent: what one half's Gaussian is off
        by meets what the other half's draws are off by, and that product is in both. On Gaussian posteriors their
        correlation is 0.8; counted as independent the error were a quarter too small. Where the Gaussian's first draws
        are enough, it is less, and the error up to a third too large.
        """
        one, other = self.evidence, self.second_evidence
        return Estimate((one.value + other.value) / 2, (one.se + other.se) / 2)

    @property
    def objections(self) -> list[str]:
        """Why these draws may not be trusted; of exact draws, only what posteriordb says."""
        found = self.agreement.objections if self.agreement else []
        if self.kind == "nuts":
            off = abs(self.nuts_evidence.value - self.evidence.value)
            if off > TOO_FAR * self.nuts_evidence.se:
                found = [f"bridge sampling is {off:.3g} nats from the stated log_evidence", *found]
            found = [*self.certificate.objections, *found]
        return found

    @property
    def remarks(self) -> list[str]:
        """A sentence for each shortfall of NUTS for which no reference is refused."""
        found = self.certificate.remarks
        if not self.objections and self.evidence.method == "bridge" and self.evidence.se > COARSE:
            text = f"log p(x) is known to ± {self.evidence.se:.2g} nats, short of ± {COARSE}"
            found = [*found, text]
        return found

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        evidence = self.nuts_evidence._asdict()
        agreement = self.agreement
        return {
            "kind": self.kind,
            "objections": self.objections,
            "evidence": self.evidence._asdict(),
            "second_evidence": self.second_evidence._asdict(),
            "flat": list(self.flat),
            "has_data": self.has_data,
            "floors": dict(self.floors),
            "prediction": self.prediction and asdict(self.prediction),
            "remarks": self.remarks,
            "nuts": {**self.certificate.record(), "evidence": evidence},
            "refused": [certificate.record() for certificate in self.refused],
            "posteriordb": agreement and {**asdict(agreement), "objections": agreement.objections},
            "learned": self.learned.record(),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Facts:
        """The facts that `record` wrote."""
        nuts, agreement = dict(record["nuts"]), record["posteriordb"]
        evidence = Evidence(**nuts.pop("evidence"))
        prediction = record["prediction"]
        return cls(
            kind=record["kind"],
            evidence=Evidence(**record["evidence"]),
            second_evidence=Evidence(**record["second_evidence"]),
            flat=tuple(record["flat"]),
            has_data=record["has_data"],
            floors=record["floors"],
            prediction=prediction and _prediction(prediction),
            certificate=Certificate.from_record(nuts),
            refused=tuple(map(Certificate.from_record, record["refused"])),
            nuts_evidence=evidence,
            agreement=agreement and Agreement(**without(agreement, "objections")),
            learned=Learned.from_record(record["learned"]),
        )


def _prediction(record: Mapping[str, Any]) -> Prediction:
    numbers = dict(record)
    return Prediction(without_sd=tuple(numbers.pop("without_sd")), **numbers)
