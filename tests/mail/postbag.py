"""Mail of every class, made here: what mail systems, robots and people of five languages send. No message is a copy.

A row is (name, class, message, why). The words are ours, after what such systems say.
"""

# ruff: noqa: E501 - a message stands in one line, as its table has one row for it
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from disclosure.mail.inbound import MailClass as M

US = "reply+k7x2m9q4@desk.example"
OURS = "<0f4a1c@desk.example>"
FAILED = "security@organisation.example"


@dataclass(frozen=True)
class Row:
    name: str
    mail_class: M
    message: bytes
    why: str


def message(
    body: str | bytes,
    *,
    subject: object = "Re: Alerte",
    sender: object = "Anne Martin <anne.martin@organisation.example>",
    kind: object = "text/plain; charset=utf-8",
    answers: object = True,
    **more: object,
) -> bytes:
    """``more``: further fields, ``_`` for ``-``."""
    fields = {
        "From": sender,
        "To": US,
        "Subject": subject,
        "Date": "Tue, 24 Nov 2026 09:00:00 +0100",
        "Message-ID": "<m1@organisation.example>",
        **({"In-Reply-To": OURS, "References": OURS} if answers else {}),
        "MIME-Version": "1.0",
        "Content-Type": kind,
        **({"Content-Transfer-Encoding": "8bit"} if str(kind).startswith("text/") else {}),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return head.encode() + b"\r\n" + (body.replace("\n", "\r\n").encode() if isinstance(body, str) else body)


def multipart(kind: str, parts: list[tuple[str, str]], **more: object) -> bytes:
    """``parts``: (the part's fields, body)."""
    inside = "".join(f"--b1\n{head}\n\n{body}\n" for head, body in parts)
    glue = "" if "boundary=" in kind else '; boundary="b1"'
    return message(f"{inside}--b1--\n", kind=kind + glue, **more)


def dsn(  # noqa: PLR0913
    *groups: str,
    text: str = "Your mail.",
    envelope: str = "k7x2",
    kind: str = "message/delivery-status",
    **more: object,
) -> bytes:
    first = f"Reporting-MTA: dns; mx.relay.example\nOriginal-Envelope-Id: {envelope}\nArrival-Date: Tue, 24 Nov 2026"
    status = "\n\n".join((first, *groups))
    return multipart(
        "multipart/report; report-type=delivery-status",
        [
            ("Content-Type: text/plain; charset=utf-8", text),
            (f"Content-Type: {kind}", status),
            ("Content-Type: text/rfc822-headers", f"From: desk@desk.example\nMessage-ID: {OURS}\nSubject: Alerte"),
        ],
        **{"answers": False, "sender": "MAILER-DAEMON@mx.relay.example", "Return_Path": "<>"} | more,
    )


def group(action: str, status: str, diagnostic: str = "", address: str = FAILED) -> str:
    said = f"\nDiagnostic-Code: smtp; {diagnostic}" if diagnostic else ""
    return f"Final-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}{said}"


def all_rows() -> list[Row]:
    return [*_reports(), *_soft(), *_bounces(), *_absences(), *_tickets(), *_held(), *_people(), *_lists()]


def _reports() -> Iterator[Row]:
    for action, status, said, found in (
        ("failed", "5.1.1", "550 5.1.1 no such user", M.BOUNCE_PERMANENT),
        ("failed", "5.7.1", "554 5.7.1 refused", M.BOUNCE_PERMANENT),
        ("Failed (permanently)", "5.0.0", "", M.BOUNCE_PERMANENT),
        ("error", "5.3.0", "", M.BOUNCE_PERMANENT),
        ("failed", "4.4.7", "delivery time expired", M.BOUNCE_TEMPORARY),
        ("failed", "4.2.2", "452 4.2.2 over quota", M.BOUNCE_TEMPORARY),
        ("delayed", "4.4.1", "connection timed out", M.BOUNCE_DELAYED),
        ("delivered", "2.1.5", "250 ok", M.DSN_DELIVERED),
        ("relayed", "2.0.0", "", M.DSN_RELAYED),
        ("expanded", "2.0.0", "", M.DSN_RELAYED),
    ):
        yield Row(
            f"dsn {action} {status}", found, dsn(group(action, status, said)), "RFC 3464: the action, then the status"
        )
    two = dsn(group("delivered", "2.0.0", address="a@x.example"), group("failed", "5.1.1"))
    yield Row("dsn mixed", M.BOUNCE_PERMANENT, two, "what failed matters most")
    later = dsn(group("delayed", "4.4.1", address="a@x.example"), group("failed", "4.4.7"))
    yield Row("dsn delayed and failed", M.BOUNCE_TEMPORARY, later, "given up is more than delayed")
    yield Row(
        "dsn without action",
        M.BOUNCE_PERMANENT,
        dsn(f"Final-Recipient: rfc822; {FAILED}\nStatus: 5.1.1"),
        "status only",
    )
    glued = dsn(f"{group('failed', '5.1.1')}\n{group('failed', '5.1.1', address='b@x.example')}")
    yield Row("dsn glued", M.BOUNCE_PERMANENT, glued, "no empty line between two recipients")
    world = "Final-Recipient: utf-8; s\\x{E9}curit\\x{E9}@organisation.example\nAction: failed\nStatus: 5.1.1"
    yield Row("dsn rfc6533", M.BOUNCE_PERMANENT, dsn(world, kind="message/global-delivery-status"), "RFC 6533")
    yield Row("dsn empty", M.BOUNCE_UNPARSED, dsn("X-Nothing: here", text="?"), "a report that says nothing")
    yield Row(
        "dsn said in words",
        M.BOUNCE_PERMANENT,
        dsn(text=f"<{FAILED}>: host mx said: 550 5.1.1 User unknown"),
        "empty status",
    )
    for kind, found in (("displayed", M.MDN_DISPLAYED), ("deleted", M.MDN_DELETED), ("processed", M.AUTO_REPLY)):
        for mode in ("manual-action/MDN-sent-manually", "automatic-action/MDN-sent-automatically (user (choice))"):
            said = f"Reporting-UA: mail\nFinal-Recipient: rfc822; {FAILED}\nOriginal-Message-ID: {OURS}\nDisposition: {mode}; {kind}"
            yield Row(f"mdn {kind} {mode[:6]}", found, mdn(said), "RFC 8098: the type after the semicolon")
    arf = [
        ("Content-Type: text/plain", "abuse"),
        ("Content-Type: message/feedback-report", "Feedback-Type: abuse\nVersion: 1"),
    ]
    yield Row("arf", M.ARF, multipart("multipart/report; report-type=feedback-report", arf, answers=False), "RFC 5965")
    yield Row(
        "arf quoted type", M.ARF, multipart('multipart/report; report-type="Feedback-Report"', arf), "case and quotes"
    )
    tls = [("Content-Type: text/plain", "TLS"), ("Content-Type: application/tlsrpt+gzip", "x")]
    yield Row("tls", M.REPORT_TLS, multipart("multipart/report; report-type=tlsrpt", tls), "RFC 8460")
    yield Row(
        "tls mixed", M.REPORT_TLS, multipart("multipart/mixed", tls, Auto_Submitted="auto-generated"), "by its part"
    )
    for ending, kind in (("xml.gz", "application/gzip"), ("zip", "application/zip"), ("xml", "text/xml")):
        name = f"receiver.example!desk.example!1795000000!1795086400.{ending}"
        part = (f'Content-Type: {kind}; name="{name}"\nContent-Disposition: attachment; filename="{name}"', "x")
        mail = multipart("multipart/mixed", [part], subject="Report Domain: desk.example Submitter: receiver.example")
        yield Row(f"dmarc {ending}", M.REPORT_DMARC, mail, "RFC 7489 section 7.2.1.1: the file's name")


def mdn(said: str) -> bytes:
    parts = [("Content-Type: text/plain", "A receipt."), ("Content-Type: message/disposition-notification", said)]
    return multipart("multipart/report; report-type=disposition-notification", parts, answers=False)


BOUNCED = (
    ("postfix", "Mail Delivery System <MAILER-DAEMON@mx.example>", "Undelivered Mail Returned to Sender",
     f"This is the mail system at host mx.example.\n\nI'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients.\n\n<{FAILED}>: host mail said: 550 5.1.1 User unknown", M.BOUNCE_PERMANENT),
    ("qmail", "MAILER-DAEMON@mx.example", "failure notice",
     f"Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<{FAILED}>:\nSorry, no mailbox here by that name. (#5.1.1)", M.BOUNCE_PERMANENT),
    ("exim", "Mail Delivery System <Mailer-Daemon@mx.example>", "Mail delivery failed: returning message to sender",
     f"This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  {FAILED}\n    Unrouteable address", M.BOUNCE_PERMANENT),
    ("exim delay", "Mail Delivery System <Mailer-Daemon@mx.example>", "Warning: message 1abc delayed 24 hours",
     f"This message was created automatically by mail delivery software.\nA message that you sent has not yet been delivered to one or more of its\nrecipients after more than 24 hours on the queue.\n\n  {FAILED}\n\nNo action is required on your part. Delivery attempts will continue for\nsome time", M.BOUNCE_DELAYED),
    ("gmail", "Mail Delivery Subsystem <mailer-daemon@googlemail.example>", "Delivery Status Notification (Failure)",
     f"** Address not found **\n\nYour message wasn't delivered to {FAILED} because the address couldn't be found.\n\nThe response was: 550 5.1.1 The email account does not exist.", M.BOUNCE_PERMANENT),
    ("gmail delay", "Mail Delivery Subsystem <mailer-daemon@googlemail.example>", "Delivery Status Notification (Delay)",
     f"** Delivery incomplete **\nThere was a temporary problem delivering your message to {FAILED}. Gmail will retry for 46 more hours.", M.BOUNCE_DELAYED),
    ("exchange", "System Administrator <postmaster@exchange.example>", "Undeliverable: Alerte",
     f"Your message did not reach some or all of the intended recipients.\n\n  The following recipient(s) cannot be reached:\n\n   {FAILED} on 24/11/2026 09:00\n   The e-mail account does not exist at the organization this message was sent to. <mx #5.1.1>", M.BOUNCE_PERMANENT),
    ("office 365", "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@o.example>", "Undeliverable: Alerte",
     f"Your message to {FAILED} couldn't be delivered.\nsecurity wasn't found at organisation.example.\nRemote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound'", M.BOUNCE_PERMANENT),
    ("office 365 fr", "Microsoft Outlook <postmaster@o.example>", "Non remis : Alerte",
     f"Votre message à {FAILED} n'a pas pu être remis.\nL'adresse n'existe pas.", M.BOUNCE_PERMANENT),
    ("exchange de", "Postmaster <postmaster@o.example>", "Unzustellbar: Alerte",
     f"Ihre Nachricht an {FAILED} konnte nicht zugestellt werden. Die Adresse existiert nicht.", M.BOUNCE_PERMANENT),
    ("exchange es", "Postmaster <postmaster@o.example>", "No se puede entregar: Alerte",
     f"No se pudo entregar el mensaje a {FAILED}. El usuario no existe.", M.BOUNCE_PERMANENT),
    ("exchange ja", "postmaster <postmaster@o.example>", "配信不能: Alerte",
     f"{FAILED} へのメッセージは配信できませんでした。アドレスが存在しません。", M.BOUNCE_PERMANENT),
    ("full", "MAILER-DAEMON@mx.example", "Returned mail: see transcript for details",
     f"The following addresses had transient errors\n<{FAILED}>\n452 4.2.2 mailbox full, giving up", M.BOUNCE_TEMPORARY),
    ("timeout", "MAILER-DAEMON@mx.example", "Mail delivery failed: returning message to sender",
     f"could not be delivered:\n  {FAILED}\n    retry timeout exceeded", M.BOUNCE_TEMPORARY),
    ("silent", "MAILER-DAEMON@mx.example", "Hello", "???", M.BOUNCE_UNPARSED),
)  # fmt: skip


def _bounces() -> Iterator[Row]:
    for name, sender, subject, body, found in BOUNCED:
        plain = {"sender": sender, "subject": subject, "answers": False}
        yield Row(f"{name}, null path", found, message(body, **plain, Return_Path="<>"), "words of a mail system")
        yield Row(f"{name}, no path", found, message(body, **plain), "the daemon's name is enough")
        copied = f"{body}\n\n--- Below this line is a copy of the message.\n\nMessage-ID: {OURS}\nSubject: Alerte\n\nbonjour ?\n"
        yield Row(
            f"{name}, with copy", found, message(copied, **plain, Auto_Submitted="auto-replied"), "our own words below"
        )


ABSENT = (
    ("de holiday", "Alerte", "Ich habe Urlaub bis 5.12. Ihre E-Mail wird nicht weitergeleitet."),
    ("en", "Automatic reply: Alerte", "I am out of the office until 30 November with limited access to email.\nFor urgent matters write to soc@organisation.example."),
    ("en left", "Alerte", "John Doe no longer works at Organisation. Please update your address book."),
    ("en closed", "Alerte", "Our offices are closed for the holidays. We will reply upon our return."),
    ("fr", "Réponse automatique : Alerte", "Bonjour,\nJe suis absente du bureau jusqu'au 30 novembre. En mon absence, merci de contacter le support."),
    ("fr short", "Absence du bureau", "Je suis en congés. Je serai de retour le 30."),
    ("fr subject alone", "Absence : Re: Alerte", "Merci de contacter le 01 00 00 00 00."),
    ("fr moved", "Alerte", "Je ne fais plus partie de la société."),
    ("fr accentless", "Alerte", "Je suis actuellement absent, je vous repondrai a mon retour."),
    ("de", "Automatische Antwort: Alerte", "Ich bin derzeit nicht im Büro und ab dem 30.11. wieder erreichbar."),
    ("de plain", "Abwesenheitsnotiz", "Während meiner Abwesenheit wenden Sie sich an die Zentrale."),
    ("es", "Respuesta automática: Alerte", "Estoy fuera de la oficina hasta el 30 de noviembre."),
    ("es plain", "Alerte", "Me encuentro de vacaciones. A mi regreso responderé."),
    ("ja", "自動応答: Alerte", "ただいま不在にしております。11月30日に戻ります。"),
    ("ja plain", "Alerte", "誠に勝手ながら休暇をいただいております。"),
)  # fmt: skip


def _absences() -> Iterator[Row]:
    for name, subject, body in ABSENT:
        yield Row(f"absent {name}", M.AUTO_REPLY, message(body, subject=subject), "no header says so (facts 3.3)")
        said = message(body, subject=subject, Auto_Submitted='Auto-Replied (vacation); owner="a;b"')
        yield Row(f"absent {name} rfc3834", M.AUTO_REPLY, said, "RFC 3834, comments and parameters allowed")
        quoted = f"{body}\n\nLe mar. 24 nov. 2026 à 09:00, Desk <desk@desk.example> a écrit :\n> Pouvez-vous nous répondre ?\n"
        yield Row(
            f"absent {name} quoting", M.AUTO_REPLY, message(quoted, subject=subject), "the question below is ours"
        )
    for header in (
        "X-Autoreply: yes",
        "X-Autorespond: a",
        "Precedence: auto_reply",
        "X-FC-MachineGenerated: true",
        "X-POST-MessageClass: 9; Autoresponder",
    ):
        name, value = header.split(": ")
        yield Row(header, M.AUTO_REPLY, message("Bonjour", subject="Alerte", **{name: value}), "a vendor's field")
    html = "<html><head><style>p{}</style></head><body><p>Je suis absent<br>jusqu&#39;au 30.</p></body></html>"
    yield Row("absent html", M.AUTO_REPLY, message(html, kind="text/html; charset=utf-8"), "HTML only")
    yield Row(
        "absent nobody", M.AUTO_REPLY, message("Merci.", sender="no-reply@organisation.example"), "nobody reads there"
    )


ACKNOWLEDGED = (
    ("en", "Ticket received", "Your request has been received. Your ticket number is 48213."),
    ("en team", "[#48213] Alerte", "Thank you for contacting us. A member of our team will reply within two working days."),
    ("en generated", "Alerte", "This is an automated message. Please do not reply to this e-mail."),
    ("fr", "Accusé de réception", "Nous accusons réception de votre message."),
    ("fr bare", "Re: Alerte", "Bonjour,\nNous accusons réception de votre message.\nCordialement,\nLe service client"),
    ("fr ticket", "[Ticket#2026112410000017] Alerte", "Votre demande a bien été enregistrée sous la référence 2026-17."),
    ("fr treated", "Alerte", "Votre message a bien été reçu. Il sera traité dans les meilleurs délais."),
    ("fr no answer", "Alerte", "Ceci est un message automatique, merci de ne pas répondre à ce mail."),
    ("de", "Eingangsbestätigung", "Ihre Anfrage ist bei uns eingegangen."),
    ("de ticket", "Alerte", "Für Ihr Anliegen wurde ein Ticket eröffnet. Diese E-Mail wurde automatisch generiert."),
    ("es", "Acuse de recibo", "Hemos recibido su solicitud. Su número de ticket es 8812."),
    ("es plain", "Alerte", "Este es un mensaje automático, no responda a este correo."),
    ("ja", "お問い合わせを受け付けました", "お問い合わせいただきありがとうございます。受付番号は123です。"),
    ("ja plain", "Alerte", "このメールは自動送信です。返信しないでください。"),
)  # fmt: skip


def _tickets() -> Iterator[Row]:
    for name, subject, body in ACKNOWLEDGED:
        yield Row(f"ticket {name}", M.TICKET_AUTO_ACK, message(body, subject=subject), "no header says so (facts 3.3)")
        said = message(body, subject=subject, Auto_Submitted="auto-generated", X_Auto_Response_Suppress="All")
        yield Row(f"ticket {name} rfc3834", M.TICKET_AUTO_ACK, said, "the header and the words")
        bulk = message(body, subject=subject, Precedence="bulk", answers=False)
        yield Row(f"ticket {name} bulk", M.TICKET_AUTO_ACK, bulk, "bulk, but no newsletter")


HELD = (
    (M.LIST_HOLD, "mailman", "Your message to Security awaits moderator approval", "Your mail to 'Security' is being held until the list moderator can review it.\nReason: Post by non-member to a members-only list"),
    (M.LIST_HOLD, "mailman fr", "Votre message pour Securite attend l'approbation du modérateur", "Le message est en attente d'approbation par le modérateur."),
    (M.LIST_HOLD, "mailman de", "Ihre Nachricht an Sicherheit wartet", "Ihre Nachricht wartet auf die Genehmigung durch den Moderator."),
    (M.LIST_HOLD, "sympa", "Message distribution", "Your message for list security has been forwarded to editor(s)"),
    (M.LIST_HOLD, "sympa fr", "Modération", "Votre message pour la liste securite a été transmis aux modérateurs."),
    (M.LIST_HOLD, "mailman ja", "承認", "メッセージは司会者の承認を待っています。"),
    (M.CHALLENGE, "en", "Please confirm your message", "Your message has not been delivered yet. Please click here to confirm that you are a real person."),
    (M.CHALLENGE, "boxtrapper", "Your email requires verification", "The message you sent requires that you verify that you are a real live human being."),
    (M.CHALLENGE, "fr", "Authentifiez votre message", "Afin d'authentifier votre envoi, recopiez le code. Pour que votre message soit remis, vous devez le faire une fois."),
    (M.CHALLENGE, "de", "Bitte bestätigen Sie Ihre Nachricht", "Um Ihre Nachricht zuzustellen, klicken Sie hier."),
    (M.CHALLENGE, "es", "Confirme su mensaje", "Confirme que usted es una persona para que su mensaje sea entregado."),
    (M.QUARANTINE, "en", "Message quarantined", "Your message was quarantined by the mail gateway because of an encrypted attachment."),
    (M.QUARANTINE, "fr", "Votre message a été mis en quarantaine", "Votre message a été mis en quarantaine par la passerelle."),
    (M.QUARANTINE, "de", "Hinweis", "Ihre Nachricht befindet sich in Quarantäne."),
    (M.MDN_DISPLAYED, "exchange en", "Read: Alerte", "Your message\n  To: Anne\n  Subject: Alerte\nwas read on 24/11/2026 09:00."),
    (M.MDN_DELETED, "exchange en deleted", "Not read: Alerte", "Your message was deleted without being read on 24/11/2026."),
    (M.MDN_DELETED, "exchange fr deleted", "Non lu : Alerte", "Votre message a été supprimé sans avoir été lu."),
)  # fmt: skip


def _held() -> Iterator[Row]:
    for found, name, subject, body in HELD:
        sender = f"{name.split()[0]} <security-owner@organisation.example>"
        yield Row(f"{found} {name}", found, message(body, subject=subject, sender=sender, answers=False), "words alone")
        said = message(body, subject=subject, sender=sender, Auto_Submitted="auto-replied", Precedence="bulk")
        yield Row(f"{found} {name} marked", found, said, "header and words")


PEOPLE = (
    ("fr short", "Bonjour,\nMerci, bien reçu. Je transmets au RSSI.\nAnne"),
    ("fr acknowledges", "Bonjour,\nJ'accuse réception de votre message et je transmets à notre DPO.\nAnne Martin"),
    ("fr asks", "Qui êtes-vous ? Pouvez-vous m'appeler au 01 00 00 00 00 ?"),
    ("fr was away", "Désolé, j'étais absent la semaine dernière. Nous avons corrigé hier."),
    ("fr signature", "C'est corrigé.\n-- \nAnne Martin\nJe suis absente le vendredi"),
    ("fr quoted absence", "Vous avez eu mon absence, me voilà. C'est corrigé.\n\n> Je suis absent du bureau jusqu'au 30.\n> En mon absence, contactez le support."),
    ("fr quoted bounce", "Votre deuxième adresse ne marche pas, voyez :\n\n-----Message d'origine-----\nDe : MAILER-DAEMON\nEnvoyé : mardi\nObjet : Undelivered Mail\n\n<x@y.example>: 550 5.1.1 User unknown"),
    ("fr outlook quote", "Je regarde.\n\nDe : Desk <desk@desk.example>\nEnvoyé : mardi 24 novembre\nÀ : Anne\nObjet : Alerte\n\nCeci est un message automatique, merci de ne pas répondre."),
    ("en", "Thanks for letting us know. I have forwarded this to our security team."),
    ("en asks", "Could you send the details to ciso@organisation.example? Our key is attached."),
    ("en was away", "Sorry for the delay, I was on leave. We are looking into it."),
    ("en quoted", "We fixed it.\n\nOn Tue, 24 Nov 2026 at 09:00, Desk <desk@desk.example>\nwrote:\n> This is an automated message. Please do not reply.\n"),
    ("en refuses", "Not interested. Please stop."),
    ("de", "Guten Tag, ich habe Ihre Nachricht an unsere IT weitergeleitet. MfG Petra"),
    ("de quoted", "Wir prüfen das.\n\nAm 24.11.2026 um 09:00 schrieb Desk:\n> Ich bin im Urlaub."),
    ("es", "Gracias, lo estamos revisando. ¿Puede enviar más datos?"),
    ("ja", "ご連絡ありがとうございます。担当の佐藤です。確認いたします。"),
    ("ja quoted", "修正しました。\n\n2026年11月24日 Desk のメール:\n> 不在にしております"),
    ("en one word", "Fixed."),
    ("empty", ""),
)  # fmt: skip


def _people() -> Iterator[Row]:
    for name, body in PEOPLE:
        yield Row(f"person {name}", M.HUMAN_REPLY, message(body), "a person wrote what is new")
        html = (
            "<div>"
            + body.split("\n\n")[0].replace("\n", "<br>")
            + '</div><div class="gmail_quote">Ceci est un message automatique</div>'
        )
        yield Row(
            f"person {name} html", M.HUMAN_REPLY, message(html, kind="text/html; charset=utf-8"), "quoted in HTML"
        )
    for header, value, why in (
        ("X-Auto-Response-Suppress", "All", "help desks put it on what people write"),
        ("Auto-Submitted", "no", "RFC 3834: no is no"),
        ("Auto-Submitted", "NO (really) ; x=y", "with comment and parameter"),
        ("X-Mailer", "Zendesk Mailer", "agents write there"),
        ("X-RT-Ticket", "organisation.example #48213", "agents write there"),
    ):
        yield Row(f"person {header} {value}", M.HUMAN_REPLY, message("Nous avons corrigé.", **{header: value}), why)
    robot = "Je confirme.\n"
    yield Row(
        "person re automatic", M.HUMAN_REPLY, message(robot, subject="Re: Réponse automatique : Alerte"), "Re: repeats"
    )
    yield Row("person forwards", M.HUMAN_REPLY, message("Voyez.", subject="TR: Undeliverable: Alerte"), "TR: repeats")
    forwarded = [
        ("Content-Type: text/plain", "Voyez ci-joint."),
        ("Content-Type: message/rfc822", dsn(group("failed", "5.1.1")).decode()),
    ]
    yield Row(
        "person attaches a bounce",
        M.HUMAN_REPLY,
        multipart(
            'multipart/mixed; boundary="b1"', [(a, b.replace("\r", "").replace("b1", "b2")) for a, b in forwarded]
        ),
        "their attachment",
    )
    armour = "-----BEGIN PGP MESSAGE-----\n\nwcBM\n=abcd\n-----END PGP MESSAGE-----\n"
    yield Row("person encrypts inline", M.HUMAN_REPLY, message(armour), "inline OpenPGP")
    parts = [
        ("Content-Type: application/pgp-encrypted", "Version: 1"),
        ("Content-Type: application/octet-stream", armour),
    ]
    kind = 'multipart/encrypted; protocol="application/pgp-encrypted"'
    yield Row("person encrypts", M.HUMAN_REPLY, multipart(kind, parts), "PGP/MIME")
    through = message("Nous avons corrigé.", List_Id="<security.organisation.example>", Precedence="list")
    yield Row("person through a list", M.HUMAN_REPLY, through, "security@ is a list; they answer us")


# No phrase that only robots say, and no header: two kinds of words that go together, and always unsure.
SOFT = (
    (M.TICKET_AUTO_ACK, "Votre message nous est bien parvenu. Il sera pris en charge par nos équipes."),
    (M.TICKET_AUTO_ACK, "Bonjour, votre e-mail a été transmis au service concerné. Une réponse vous parviendra sous 48h."),
    (M.TICKET_AUTO_ACK, "Merci pour votre message, nous le traiterons dès que possible."),
    (M.TICKET_AUTO_ACK, "Thank you for your email. Your enquiry has been logged with reference INC0012345."),
    (M.TICKET_AUTO_ACK, "Vielen Dank für Ihre Nachricht. Wir werden uns schnellstmöglich bei Ihnen melden."),
    (M.TICKET_AUTO_ACK, "Gracias por contactarnos. Nos pondremos en contacto con usted en breve."),
    (M.TICKET_AUTO_ACK, "メールを受信いたしました。2営業日以内に回答いたします。"),
    (M.AUTO_REPLY, "Hello, I am travelling this week and will have intermittent email access."),
    (M.AUTO_REPLY, "Bonjour, actuellement en arrêt maladie, je ne peux répondre à vos courriels."),
    (M.AUTO_REPLY, "Je suis en RTT ce jour, retour lundi."),
    (M.AUTO_REPLY, "Ich bin vom 24.11. bis 28.11. außer Haus."),
    (M.AUTO_REPLY, "Hi! I'm OOO until Monday. Ping Sam for anything pressing."),
    (M.TICKET_AUTO_ACK, "Merci pour votre mail. Notre équipe vous recontactera très prochainement."),
    (M.TICKET_AUTO_ACK, "Wir bestätigen den Eingang Ihrer Nachricht und bearbeiten sie in der Reihenfolge des Eingangs."),
    (M.TICKET_AUTO_ACK, "Confirmamos la recepción de su correo. Un agente lo revisará."),
    (M.HUMAN_REPLY, "Thank you for the report. The bucket is private now."),
    (M.HUMAN_REPLY, "Merci pour votre message. Le serveur est coupé depuis 14 h."),
    (M.AUTO_REPLY, "No estaré disponible hasta el lunes."),
    (M.AUTO_REPLY, "ただいま席を外しております。後ほど返信いたします。"),
    (M.HUMAN_REPLY, "Bonjour, nous avons bien reçu votre message et prenons contact avec notre hébergeur. Paul"),
    (M.HUMAN_REPLY, "Thanks, received. Will discuss with the team tomorrow."),
    (M.HUMAN_REPLY, "Hi, yes this is our server. Taking it offline now."),
    (M.HUMAN_REPLY, "Merci beaucoup, on s'en occupe."),
    (M.HUMAN_REPLY, "Wir haben Ihre Nachricht erhalten und den Server abgeschaltet. Gruß, Jens"),
    (M.HUMAN_REPLY, "I am out of the office today but reading mail on my phone: yes, send me the details please."),
    (M.HUMAN_REPLY, "Je suis absent demain mais mon collègue Luc vous appellera. Pouvez-vous lui envoyer le détail ?"),
    (M.HUMAN_REPLY, "The ticket is with our SOC now. Please use ref 4432 from now on. Bob"),
    (M.HUMAN_REPLY, "Votre message a été transmis à la direction par mes soins. Cordialement, Mme Roy"),
)  # fmt: skip


def _soft() -> Iterator[Row]:
    for found, body in SOFT:
        yield Row(f"soft {body[:40]}", found, message(body), "what people and robots both say")


def _lists() -> Iterator[Row]:
    letters = {"answers": False, "subject": "Our autumn offers", "List_Unsubscribe": "<https://shop.example/u>"}
    yield Row("newsletter", M.UNRELATED, message("Buy now!", **letters), "a newsletter")
    yield Row(
        "list",
        M.UNRELATED,
        message("Hi all", answers=False, subject="[dev] patch", List_Id="<dev.x.example>"),
        "a list",
    )
    yield Row(
        "spam", M.UNRELATED, message("Win", answers=False, subject="Win", X_Spam_Flag="YES"), "our filter said so"
    )
    alert = message(
        "Disk full",
        subject="Monitoring",
        Auto_Submitted="auto-generated",
        **{k: v for k, v in letters.items() if k != "subject"},
    )
    yield Row("marked newsletter", M.UNRELATED, alert, "automatic and bulk")
