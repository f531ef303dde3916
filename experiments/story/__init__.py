"""The story: from the evidence integral to learned latent variables.

This page follows one line of thought, and measures each of its steps. A **latent variable** z makes a
complicated p(x) out of simple factors. Its price is the **evidence**, an integral over z that nobody
can do, so the posterior p(z | x) = p(x, z) / p(x) is out of reach. **Dividing and multiplying by a
density q** that we can draw from turns the integral into a mean; **Jensen's inequality** pulls the
logarithm into it, and leaves the **ELBO**. What was lost on the way is the divergence of q from the
posterior, to the last digit:

    log p(x)  =  ELBO(q)  +  KL(q || p(z | x)),      ELBO(q) = E_q[log p(x, z) - log q(z)]

So whoever raises the ELBO in q lowers the divergence. What follows from that, and what does not, is
shown below: every number is measured, and every ± is one standard error.
"""
