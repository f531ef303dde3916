"""From a posterior to draws that stand for it, and log p(x).

In: a `Target` and a `Budget`. Out: a `Reference`: its draws, two sets of chains that are independent of
each other, and its `Facts`: the evidence, and the certificate without which nobody may use them.

    make           exact draws where the posterior is known, else NUTS
    facts          what is known of a reference beside its draws
    nuts           NUTS draws, as many as it takes
    certificate    whether they may be trusted, and what stands against it
    evidence       log p(x): exact, by bridge sampling, or by importance sampling as a check
    proposal       the Gaussian from which the bridge goes to the posterior
    prediction     what the posterior predicts of the data
    agreement      with what posteriordb has published
"""
